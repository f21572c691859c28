//! The samples a verb is given, and the conf they are read with: what `train` and `tune` share, and `eval` where it is how files are read.
//!
//! The decision: a search and an evaluation read whatever a training reads, and in the same way, so they have these arguments and no
//! others for it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use rankine_feature::Plan;
use rankine_model::ModelConfig;
use rankine_table::{AtomicFile, LeftOut, stream};
use rankine_train::linear::TextFormat;
use rankine_train::vectors::{self, Joined};

use crate::dictionaries::Dictionaries;
use crate::home::Home;
use crate::recipe;
use crate::source::{Reading, vectors_conf};
use crate::training::{Files, Job, of_file, rejects};

/// The arguments that verbs share.
#[derive(Debug, Clone, Args)]
pub(crate) struct Given {
    /// The conf the model reads; default: the bundled MovieLens conf
    #[arg(long, value_name = "CONF.toml")]
    pub(crate) conf: Option<PathBuf>,
    /// Training samples (.parquet, .csv, .tsv, .jsonl, .libsvm, .libffm, .gz, .zst), one file after another, or `-` for
    /// standard input; default: the home's samples of the conf
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) train: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) layout: Layout,
    /// Validation samples, one file after another; default: the home's, or a part of the training samples with --train
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) valid: Vec<PathBuf>,
    /// Share of the training samples held out for validation where there is no --valid
    #[arg(long, default_value_t = 0.1, value_name = "SHARE")]
    hold_out: f64,
    /// How many numbers of a line label,u1,…,i1,… are the user's; default: half
    #[arg(long, value_name = "COUNT")]
    user_numbers: Option<usize>,
    #[command(flatten)]
    dictionaries: Dictionaries,
}

/// How given files are read that are not Rankine's own.
#[derive(Debug, Clone, Args)]
pub(crate) struct Layout {
    /// Form of standard input: what a file's name would end in
    #[arg(long, default_value = CSV, value_name = "FORM")]
    format: String,
    /// Names of the columns of text without a header line, `u1..u128` for a run of them
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    columns: Vec<String>,
    /// End at the first row that cannot be read, instead of listing it in the home's cache (NAME.rejects.tsv, NAME.eval.rejects.tsv)
    #[arg(long)]
    strict: bool,
    /// Vectors of users that the ids of the samples (columns label, user, item) are joined to: Parquet, word2vec text, CSV, .npy
    #[arg(long, value_name = "FILE", requires = "item_vectors")]
    pub(crate) user_vectors: Option<PathBuf>,
    /// Vectors of items, for the same
    #[arg(long, value_name = "FILE", requires = "user_vectors")]
    item_vectors: Option<PathBuf>,
}

/// The form of standard input unless it is said.
const CSV: &str = "csv";

impl Layout {
    /// How files are read; rows left out are listed under `name`.
    ///
    /// # Errors
    /// Vectors that cannot be read.
    pub(crate) fn reading(&self, home: &Home, name: &str) -> anyhow::Result<Reading> {
        Ok(Reading {
            columns: (!self.columns.is_empty()).then(|| columns(&self.columns)),
            left_out: (!self.strict).then(|| LeftOut::listed_in(&rejects(home, name))),
            joined: match (&self.user_vectors, &self.item_vectors) {
                (Some(user), Some(item)) => Some(Joined::read(user, item)?),
                _ => None,
            },
        })
    }

    /// Where files are; standard input is copied to the home, so that it can be read again.
    ///
    /// # Errors
    /// A standard input that cannot be read or kept.
    pub(crate) fn spooled(&self, paths: &[PathBuf], home: &Home) -> anyhow::Result<Vec<PathBuf>> {
        let paths = paths.iter().map(|path| self.spool(path, home));
        paths.collect()
    }

    fn spool(&self, path: &Path, home: &Home) -> anyhow::Result<PathBuf> {
        if !stream::is_standard(path) {
            return Ok(path.to_owned());
        }
        let to = home.cache().join(format!("stdin.{}", self.format));
        let mut file = AtomicFile::create(&to)?;
        std::io::copy(&mut stream::open(path)?, &mut file)?;
        file.commit()?;
        Ok(to)
    }
}

impl Given {
    /// The job of training `model` on them, published as `name` and measured on `test`.
    ///
    /// # Errors
    /// Files that cannot be read, faults of the conf or of the model file against it, a dictionary that is not named.
    pub(crate) fn job(
        &self,
        home: &Home,
        (model, name): (ModelConfig, &str),
        test: &[PathBuf],
    ) -> anyhow::Result<Job> {
        let wanted = model.conf.as_deref().unwrap_or_default();
        let files = self.files(home, (wanted, name), test)?;
        let format = files.train.first().and_then(|path| TextFormat::of(path));
        let conf = match (&self.conf, format) {
            (None, Some(format)) => text_conf(format, &model),
            (None, None) if model.conf.as_deref() == Some(vectors::NAME) => self.made_conf(&files)?,
            _ => self.conf()?,
        };
        let plan = Plan::compile(&conf.0, &conf.1, None)?;
        let tables = self.dictionaries.load(&plan, home)?;
        Ok(Job::new(name, model, conf, files)?.reading(tables))
    }

    /// Refuses a share that is none.
    ///
    /// # Errors
    /// `--hold-out` out of 0 to 1.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            (0.0..1.0).contains(&self.hold_out),
            "--hold-out is {}, expected 0 to below 1",
            self.hold_out
        );
        Ok(())
    }

    /// The conf's text and the name of its file.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(crate) fn conf(&self) -> anyhow::Result<(String, String)> {
        let Some(path) = &self.conf else {
            return Ok((recipe::CONF.text.to_owned(), recipe::CONF.file.to_owned()));
        };
        let file = path.display().to_string();
        Ok((std::fs::read_to_string(path).with_context(|| file.clone())?, file))
    }

    /// The conf of samples that are vectors.
    fn made_conf(&self, files: &Files) -> anyhow::Result<(String, String)> {
        let text = match &files.reading.joined {
            Some(joined) => vectors::conf(joined.widths().0, joined.widths().1),
            None => {
                let first = files.train.first().context("--train names no file")?;
                vectors_conf(first, self.user_numbers)?
            }
        };
        Ok((text, "the conf of vectors".to_owned()))
    }

    /// The given sample files, or the home's of `conf`; rows left out are listed under `name`.
    ///
    /// # Errors
    /// No samples in the home, vectors or a standard input that cannot be read.
    pub(crate) fn files(
        &self,
        home: &Home,
        (conf, name): (&str, &str),
        test: &[PathBuf],
    ) -> anyhow::Result<Files> {
        let reading = self.layout.reading(home, name)?;
        if self.train.is_empty() {
            let files = Files::of_home(home, conf)?;
            return Ok(self.instead(Files { reading, ..files }, test));
        }
        let split = match self.valid.as_slice() {
            [] => format!(
                "given files; validation: {} of the training samples, drawn by the seed",
                self.hold_out
            ),
            valid => format!("given files; validation {}", listed(valid)),
        };
        Ok(Files {
            train: self.layout.spooled(&self.train, home)?,
            valid: self.valid.clone(),
            hold_out: self.hold_out,
            test: test.to_vec(),
            split,
            hash: String::new(),
            reading,
        })
    }

    /// The home's files, those that are given in place of its own.
    fn instead(&self, mut files: Files, test: &[PathBuf]) -> Files {
        let parts = [
            ("validation", self.valid.as_slice(), &mut files.valid),
            ("test", test, &mut files.test),
        ];
        for (part, given, own) in parts.into_iter().filter(|(_, given, _)| !given.is_empty()) {
            files.split += &format!("; {part} {}", listed(given));
            *own = given.to_vec();
        }
        files
    }

    /// Files beside the samples, each with its length and time of change, and how the samples are read.
    ///
    /// # Errors
    /// A file that is not there.
    pub(crate) fn beside(&self) -> anyhow::Result<Vec<String>> {
        let layout = &self.layout;
        let files = [
            &layout.user_vectors,
            &layout.item_vectors,
            self.dictionaries.file(),
        ];
        let files = files.into_iter().flatten().map(|path| of_file(path));
        let mut all = files.collect::<anyhow::Result<Vec<_>>>()?;
        if !layout.columns.is_empty() {
            all.push(layout.columns.join(","));
        }
        all.extend(self.user_numbers.map(|count| count.to_string()));
        Ok(all)
    }

    /// The arguments as one would type them.
    pub(crate) fn typed(&self) -> Vec<String> {
        let file = |path: &PathBuf| quoted(&path.display().to_string());
        let mut words = Vec::new();
        let mut add = |flag: &str, value: Option<String>| {
            words.extend(value.map(|value| format!("{flag} {value}")));
        };
        add("--conf", self.conf.as_ref().map(file));
        let several = |paths: &[PathBuf]| {
            let paths: Vec<String> = paths.iter().map(file).collect();
            (!paths.is_empty()).then(|| paths.join(" "))
        };
        add("--train", several(&self.train));
        let layout = &self.layout;
        add("--format", (layout.format != CSV).then(|| quoted(&layout.format)));
        let columns = (!layout.columns.is_empty()).then(|| quoted(&layout.columns.join(",")));
        add("--columns", columns);
        add("--valid", several(&self.valid));
        let drawn = !self.train.is_empty() && self.valid.is_empty();
        add("--hold-out", drawn.then(|| self.hold_out.to_string()));
        add("--user-vectors", layout.user_vectors.as_ref().map(file));
        add("--item-vectors", layout.item_vectors.as_ref().map(file));
        add("--user-numbers", self.user_numbers.map(|count| count.to_string()));
        add("--dictionaries", self.dictionaries.file().as_ref().map(file));
        words.extend(layout.strict.then(|| "--strict".to_owned()));
        words
    }
}

/// Files, one beside another, for people.
pub(crate) fn listed(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    paths.join(", ")
}

/// A word as a shell takes it: in quotes where it has more than plain letters.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-=,".contains(c);
    if word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// The conf of a file without one: all sparse slots that the model file reads, each once.
pub(crate) fn text_conf(format: TextFormat, model: &ModelConfig) -> (String, String) {
    let linear = model.linear.iter().flat_map(|part| &part.slots);
    let deep = model.embedding.iter().flat_map(|part| &part.slots);
    let wide = model.wide.iter().flat_map(|part| &part.slots);
    let gmf = model.gmf.iter().flat_map(|part| &part.slots);
    let mut slots: Vec<u32> = Vec::new();
    for slot in linear.chain(deep).chain(wide).chain(gmf) {
        if !slots.contains(&slot.value) {
            slots.push(slot.value);
        }
    }
    (
        format.conf(&slots),
        format!("the conf of {} files", format.name()),
    )
}

/// Column names with runs like `u1..u128` written out.
fn columns(given: &[String]) -> Vec<String> {
    given
        .iter()
        .flat_map(|name| run_of(name).unwrap_or_else(|| vec![name.clone()]))
        .collect()
}

/// The names of `u1..u128` (or `u1..128`); none for a plain name.
fn run_of(name: &str) -> Option<Vec<String>> {
    let (first, last) = name.split_once("..")?;
    let stem = first.trim_end_matches(|c: char| c.is_ascii_digit());
    let (from, to) = (first.strip_prefix(stem)?, last.strip_prefix(stem).unwrap_or(last));
    let (from, to): (u32, u32) = (from.parse().ok()?, to.parse().ok()?);
    Some((from..=to).map(|n| format!("{stem}{n}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        given: Given,
    }

    #[test]
    fn runs_of_columns_are_written_out() {
        let given = ["label", "u1..u3", "v9..10", "a..b"].map(str::to_owned);
        assert_eq!(columns(&given), ["label", "u1", "u2", "u3", "v9", "v10", "a..b"]);
    }

    #[test]
    fn what_was_typed_can_be_typed_again() {
        let typed = |words: &[&str]| {
            let words = std::iter::once("verb").chain(words.iter().copied());
            Alone::parse_from(words).given.typed().join(" ")
        };
        assert_eq!(typed(&[]), "");
        let words = [
            "--conf",
            "my conf.toml",
            "--train",
            "a.csv",
            "b.csv",
            "--hold-out",
            "0.2",
            "--columns",
            "label,u1..u3",
        ];
        assert_eq!(
            typed(&words),
            "--conf 'my conf.toml' --train a.csv b.csv --columns label,u1..u3 --hold-out 0.2"
        );
        let words = [
            "--train",
            "a",
            "--valid",
            "it's.csv",
            "b",
            "--user-vectors",
            "u.npy",
            "--item-vectors",
            "i.npy",
            "--dictionaries",
            "s.toml",
            "--strict",
        ];
        assert_eq!(
            typed(&words),
            "--train a --valid 'it'\\''s.csv' b --user-vectors u.npy --item-vectors i.npy --dictionaries s.toml --strict"
        );
    }

    #[test]
    fn the_conf_of_text_has_every_sparse_slot_of_the_model_once() {
        let text = "format = 1\nkind = \"widedeep\"\nconf = \"libffm\"\nembedding = [{ slots = [2, 1], table = \"t\", dim = 2 }]\n\
                    wide = { slots = [1, 4] }\nhidden = [3]\n";
        let model = ModelConfig::parse(text, "m.toml").unwrap();
        let (conf, file) = text_conf(TextFormat::Libffm, &model);
        let plan = Plan::compile(&conf, &file, None).unwrap();
        let slots: Vec<bool> = (1..5).map(|slot| plan.slot(slot).is_some()).collect();
        assert_eq!(slots, [true, true, false, true]);
    }
}
