//! Reads confs from disk: one file, or a folder of them, each with its fit beside it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rankine_dict::{Candidate, LoadFault, Pace, Parser};
use rankine_feature::{Fit, Plan};

use super::{Conf, Confs};

/// How deep a folder is looked into: `<conf>/<anything>/feature.toml`.
const DEPTH: usize = 2;

/// Loads all confs of one name.
pub(crate) struct ConfParser {
    /// The name every conf here must have.
    pub(crate) name: String,
    /// Where equal hashes meet.
    pub(crate) confs: Arc<Confs>,
    /// Reading speed.
    pub(crate) max_mb_s: f64,
}

impl Parser for ConfParser {
    type Output = Vec<Arc<Conf>>;

    fn load(&self, candidate: &Candidate) -> Result<Vec<Arc<Conf>>, LoadFault> {
        let mut files = Vec::new();
        gather(&candidate.path, DEPTH, &mut files)?;
        files.sort();
        if files.is_empty() {
            return Err("no conf (*.toml) is there".into());
        }
        let mut pace = Pace::new(self.max_mb_s);
        let mut confs: Vec<Arc<Conf>> = Vec::new();
        for file in files {
            let plan = Arc::new(self.read(&file, &mut pace)?);
            if confs.iter().all(|known| known.hash != plan.hash()) {
                confs.push(self.confs.of(&plan));
            }
        }
        Ok(confs)
    }
}

impl ConfParser {
    fn read(&self, file: &Path, pace: &mut Pace) -> Result<Plan, LoadFault> {
        let shown = file.display().to_string();
        let text = text(file, pace)?;
        let fit = match fit_of(file).filter(|path| path.exists()) {
            Some(path) => {
                let fit = Fit::from_json(&self::text(&path, pace)?);
                Some(fit.map_err(|fault| format!("{}: {fault}", path.display()))?)
            }
            None => None,
        };
        let plan = Plan::compile(&text, &shown, fit.as_ref()).map_err(|faults| faults.to_string())?;
        if plan.name() != self.name {
            return Err(format!("{shown}: expected conf `{}`, got `{}`", self.name, plan.name()).into());
        }
        if plan.needs_fit() {
            return Err(format!("{shown}: its statistics are missing (fit.json beside it)").into());
        }
        Ok(plan)
    }
}

fn text(file: &Path, pace: &mut Pace) -> Result<String, LoadFault> {
    let bytes = pace
        .read(file)
        .map_err(|fault| format!("{}: {fault}", file.display()))?;
    String::from_utf8(bytes).map_err(|_| format!("{}: not UTF-8", file.display()).into())
}

/// `fit.json` for `feature.toml`, `a.fit.json` for `a.toml` and `a.feature.toml`.
fn fit_of(file: &Path) -> Option<PathBuf> {
    let stem = file.file_stem()?.to_str()?;
    let stem = stem.strip_suffix(".feature").unwrap_or(stem);
    let name = if stem == "feature" {
        "fit.json".to_owned()
    } else {
        format!("{stem}.fit.json")
    };
    Some(file.with_file_name(name))
}

fn gather(path: &Path, depth: usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
    if !fs::metadata(path)?.is_dir() {
        found.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        let toml = path.extension().is_some_and(|end| end == "toml");
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !hidden && (toml || path.is_dir() && depth > 0) {
            gather(&path, depth.saturating_sub(1), found)?;
        }
    }
    Ok(())
}
