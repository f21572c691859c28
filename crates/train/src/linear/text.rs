//! libsvm and libffm files, plain, gzip or zstd.
//!
//! ```text
//! libsvm   label id:value id:value …              one slot, number 1
//! libffm   label field:id:value field:id:value …  field f is slot f + 1
//! ```
//! Labels are 0 and 1 or −1 and 1 (any number for `mse`); `#` begins a comment; a value may be left out and is 1 then.
//! A file has no conf, so one is made: each slot is a field of the context, a map of ids to values, read by `tag`. The
//! trainer forms the same signs straight from the bytes ([`TextFeed`]); everything else goes through that conf
//! ([`TextSamples`]). A line that cannot be read ends the reading with its number, unless there is a ledger of what is
//! left out.

use std::cell::Cell;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rankine_feature::{Plan, Side, Value, sign};
use rankine_model::linear::{Keys, LinearPart};
use rankine_table::{RowFault, TableError, Taker, stream};

use super::examples::Examples;
use super::feed::Feed;
use super::number;
use crate::TrainError;
use crate::loss::Loss;
use crate::source::{Names, SampleRow, SampleSource};

/// Most entries of a line: `tag` takes no more.
const MOST: usize = 10_000;
/// Longest line.
const LONGEST: u64 = 1 << 22;

/// A kind of text file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFormat {
    /// `label id:value …`
    Libsvm,
    /// `label field:id:value …`
    Libffm,
}

impl TextFormat {
    /// The format a file's name says: `.libsvm`, `.svm`, `.libffm`, `.ffm`, each also with `.gz` or `.zst`.
    #[must_use]
    pub fn of(path: &Path) -> Option<TextFormat> {
        match stream::inner_extension(path)?.as_str() {
            "libsvm" | "svm" => Some(TextFormat::Libsvm),
            "libffm" | "ffm" => Some(TextFormat::Libffm),
            _ => None,
        }
    }

    /// The name of its conf, too.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            TextFormat::Libsvm => "libsvm",
            TextFormat::Libffm => "libffm",
        }
    }

    /// The conf that gives a request the signs of such a file: slot s is the context's field `f<s>`.
    #[must_use]
    pub fn conf(self, slots: &[u32]) -> String {
        let fields: Vec<String> = slots
            .iter()
            .map(|slot| format!("  {{ name = \"f{slot}\", type = \"map<string,float>\" }},\n"))
            .collect();
        let mut text = format!(
            "format = 1\nname = \"{}\"\nschema.user = []\nschema.item = []\nschema.context = [\n{}]\n\
             sample = {{ label = [\"label\"] }}\n",
            self.name(),
            fields.concat()
        );
        for slot in slots {
            let _ = write!(
                text,
                "\n[[feature]]\nname = \"s{slot}\"\nclass = \"tag\"\nslot = {slot}\ndepend = [\"f{slot}\"]\nargs = [{MOST}]\n"
            );
        }
        text
    }
}

/// The lines of a file that could be read.
struct Lines {
    path: PathBuf,
    format: TextFormat,
    loss: Loss,
    input: BufReader<Box<dyn Read + Send>>,
    line: Vec<u8>,
    number: u64,
    /// Set where broken lines are left out.
    left_out: Option<Taker>,
}

/// One entry of a line.
struct Token<'a> {
    slot: u32,
    id: &'a str,
    value: f32,
}

impl Lines {
    fn open(path: &Path, format: TextFormat, loss: Loss) -> Result<Lines, TrainError> {
        Ok(Lines {
            path: path.to_owned(),
            format,
            loss,
            input: input(path)?,
            line: Vec::new(),
            number: 0,
            left_out: None,
        })
    }

    fn rewind(&mut self) -> Result<(), TrainError> {
        self.input = input(&self.path)?;
        self.number = 0;
        if let Some(taker) = &mut self.left_out {
            taker.begin();
        }
        Ok(())
    }

    /// Reads the next line; `false` at the end.
    fn advance(&mut self) -> Result<bool, TrainError> {
        self.line.clear();
        let read = self
            .input
            .by_ref()
            .take(LONGEST)
            .read_until(b'\n', &mut self.line);
        let read = read.map_err(|source| TrainError::Io {
            path: self.path.display().to_string(),
            source,
        })?;
        self.number += 1;
        if read as u64 == LONGEST && self.line.last() != Some(&b'\n') {
            // the rest of it is no line of its own
            self.input.skip_until(b'\n').map_err(|source| TrainError::Io {
                path: self.path.display().to_string(),
                source,
            })?;
        }
        if read == 0
            && let Some(taker) = &mut self.left_out
        {
            taker.end().map_err(|e| said(&e))?;
        }
        Ok(read > 0)
    }

    /// Reads the line's label and calls `each` on its entries; none if the line is empty.
    fn parse(&self, mut each: impl FnMut(Token<'_>)) -> Result<Option<f32>, (&'static str, String)> {
        if self.line.len() as u64 == LONGEST && self.line.last() != Some(&b'\n') {
            return Err(("line", format!("the line is longer than {LONGEST} bytes")));
        }
        let text =
            std::str::from_utf8(&self.line).map_err(|_| ("encoding", "the line is not UTF-8".to_owned()))?;
        let text = text.split('#').next().unwrap_or(text);
        let mut words = Words(text);
        let Some(label) = words.next() else {
            return Ok(None);
        };
        let label = self.label(label.text)?;
        for (count, word) in (0..).zip(words) {
            if count == MOST {
                return Err(("entries", format!("more than {MOST} entries")));
            }
            each(self.token(word)?);
        }
        Ok(Some(label))
    }

    fn label(&self, word: &str) -> Result<f32, (&'static str, String)> {
        let label = number::parse(word.strip_prefix('+').unwrap_or(word));
        match (label, self.loss) {
            (Some(label), Loss::Mse) => Ok(label),
            (Some(-1.0), Loss::Bce) => Ok(0.0),
            (Some(label), Loss::Bce) if (0.0..=1.0).contains(&label) => Ok(label),
            (_, loss) => {
                let expected = if loss == Loss::Bce {
                    "-1 or a number from 0 to 1"
                } else {
                    "a number"
                };
                Err(("label", format!("the label is `{word}`, expected {expected}")))
            }
        }
    }

    #[inline]
    fn token<'w>(&self, word: Word<'w>) -> Result<Token<'w>, (&'static str, String)> {
        let wrong = |expected: &str| ("entry", format!("`{}`: expected {expected}", word.text));
        let (slot, (id, value)) = match self.format {
            TextFormat::Libsvm => (1, (word.first(), word.behind(0))),
            TextFormat::Libffm => {
                let id = word.second().ok_or_else(|| wrong("field:id:value"))?;
                let field = whole(word.first()).ok_or_else(|| wrong("a whole number as field"))?;
                (field + 1, (id, word.behind(1)))
            }
        };
        let value = match value {
            None | Some("1") => Some(1.0),
            Some(text) => number::parse(text),
        };
        let value = value.ok_or_else(|| wrong("a finite number behind the last colon"))?;
        if id.is_empty() {
            Err(wrong("an id before the value"))
        } else {
            Ok(Token { slot, id, value })
        }
    }

    /// Counts the line if it has a sample; one that is broken is left out, or an error.
    fn counted<T>(
        &mut self,
        parsed: Result<Option<T>, (&'static str, String)>,
    ) -> Result<Option<T>, TrainError> {
        let raw = || String::from_utf8_lossy(&self.line).trim_end().to_owned();
        match (parsed, &mut self.left_out) {
            (Ok(found), taker) => {
                if let Some(taker) = taker {
                    taker.good(u64::from(found.is_some()));
                }
                Ok(found)
            }
            (Err((rule, reason)), Some(taker)) => {
                let (line, raw) = (self.number, raw());
                taker.broken(&RowFault {
                    line,
                    rule,
                    reason,
                    raw,
                });
                Ok(None)
            }
            (Err((rule, reason)), None) => Err(said(&TableError::Rejected {
                path: self.path.clone(),
                line: self.number,
                rule,
                reason,
            })),
        }
    }
}

fn input(path: &Path) -> Result<BufReader<Box<dyn Read + Send>>, TrainError> {
    let opened = stream::open(path).map_err(|e| said(&e))?;
    Ok(BufReader::with_capacity(1 << 18, opened))
}

fn said(error: &TableError) -> TrainError {
    TrainError::Source {
        message: error.to_string(),
    }
}

/// The words of a line, for lines of short words: byte by byte, once.
struct Words<'a>(&'a str);

/// A word and where its first two colons stand.
#[derive(Clone, Copy)]
struct Word<'a> {
    text: &'a str,
    colons: [Option<usize>; 2],
}

impl<'a> Word<'a> {
    /// What stands before the first colon.
    #[inline]
    fn first(self) -> &'a str {
        self.colons[0].map_or(self.text, |at| &self.text[..at])
    }

    /// What stands between the first colon and the second, or the end.
    #[inline]
    fn second(self) -> Option<&'a str> {
        let end = self.colons[1].unwrap_or(self.text.len());
        self.colons[0].map(|at| &self.text[at + 1..end])
    }

    /// What stands behind the colon of this number.
    #[inline]
    fn behind(self, colon: usize) -> Option<&'a str> {
        self.colons[colon].map(|at| &self.text[at + 1..])
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    #[inline]
    fn next(&mut self) -> Option<Word<'a>> {
        let bytes = self.0.as_bytes();
        let from = bytes.iter().position(|b| !b.is_ascii_whitespace())?;
        let (mut end, mut colons) = (from, [None; 2]);
        while let Some(byte) = bytes.get(end) {
            if *byte == b':' {
                match colons {
                    [None, _] => colons[0] = Some(end - from),
                    [_, None] => colons[1] = Some(end - from),
                    _ => {}
                }
            } else if *byte <= b' ' && byte.is_ascii_whitespace() {
                break;
            }
            end += 1;
        }
        let text = &self.0[from..end];
        self.0 = &self.0[end..];
        Some(Word { text, colons })
    }
}

/// A whole number of at most nine digits.
#[inline]
fn whole(text: &str) -> Option<u32> {
    let digits = text.as_bytes();
    let value = digits.iter().try_fold(0u32, |value, b| {
        b.is_ascii_digit()
            .then(|| value.wrapping_mul(10).wrapping_add(u32::from(b - b'0')))
    });
    value.filter(|_| (1..=9).contains(&digits.len()))
}

/// Which samples are taken, by their number among those that can be read.
pub type Choice = Box<dyn Fn(u64) -> bool>;

/// Lines straight to keys.
pub struct TextFeed {
    lines: Lines,
    keys: Keys,
    /// The field of each slot number; `u16::MAX`: not of the model.
    places: Vec<u16>,
    /// The missing keys of all fields; empty where the model has none.
    missing: Vec<u64>,
    seen: Vec<bool>,
    choice: Option<Choice>,
    read: Rc<Cell<u64>>,
    buffer: Vec<u8>,
}

impl TextFeed {
    /// Opens a file for the slots of `part`; `choice` leaves samples out.
    ///
    /// # Errors
    /// A file that cannot be opened.
    pub fn open(
        path: &Path,
        format: TextFormat,
        part: &LinearPart,
        loss: Loss,
    ) -> Result<TextFeed, TrainError> {
        let most = part
            .slots
            .iter()
            .map(|s| s.slot as usize)
            .max()
            .unwrap_or(0)
            .min(1 << 20);
        let mut places = vec![u16::MAX; most + 1];
        for (field, slot) in (0u16..).zip(&part.slots) {
            if let Some(place) = places.get_mut(slot.slot as usize) {
                *place = field;
            }
        }
        let key = |slot: &rankine_feature::SlotSpec| part.keys.of(slot.slot, Keys::MISSING);
        let missing: Vec<u64> = part.slots.iter().filter(|_| part.missing).map(key).collect();
        Ok(TextFeed {
            lines: Lines::open(path, format, loss)?,
            keys: part.keys,
            places,
            seen: vec![false; missing.len()],
            missing,
            choice: None,
            read: Rc::default(),
            buffer: Vec::new(),
        })
    }

    /// Takes only the samples that `choice` says. `read` counts those read so far: files that are read one after the other share
    /// it, so that a sample's number is that among all of them.
    #[must_use]
    pub fn only(mut self, choice: Choice, read: Rc<Cell<u64>>) -> TextFeed {
        (self.choice, self.read) = (Some(choice), read);
        self
    }

    /// Leaves broken lines out.
    #[must_use]
    pub fn leaving_out(mut self, taker: Taker) -> TextFeed {
        self.lines.left_out = Some(taker);
        self
    }

    /// Adds the line's sample; `false` if it has none, is broken or not chosen.
    fn add(&mut self, out: &mut Examples) -> Result<bool, TrainError> {
        let (places, keys, seen) = (&self.places, self.keys, &mut self.seen);
        let (lines, buffer) = (&self.lines, &mut self.buffer);
        seen.fill(false);
        let parsed = lines.parse(|token| {
            let field = places.get(token.slot as usize).copied().unwrap_or(u16::MAX);
            if field != u16::MAX {
                let sign = sign::text(token.slot, token.id, buffer);
                out.push(field, keys.of(token.slot, sign), token.value);
                if let Some(seen) = seen.get_mut(usize::from(field)) {
                    *seen = true;
                }
            }
        });
        let Some(label) = self.lines.counted(parsed)? else {
            out.reopen();
            return Ok(false);
        };
        let number = self.read.replace(self.read.get() + 1);
        if self.choice.as_ref().is_some_and(|choice| !choice(number)) {
            out.reopen();
            return Ok(false);
        }
        let absent = self.missing.iter().zip(&self.seen).zip(0u16..);
        let absent = absent.filter(|((_, seen), _)| !**seen);
        absent.for_each(|((key, _), field)| out.push(field, *key, 1.0));
        out.close(label, 1.0);
        Ok(true)
    }
}

impl Feed for TextFeed {
    fn next(&mut self, out: &mut Examples, max: usize) -> Result<usize, TrainError> {
        let mut added = 0;
        while added < max {
            if !self.lines.advance()? {
                break;
            }
            added += usize::from(self.add(out)?);
        }
        Ok(added)
    }

    fn rewind(&mut self) -> Result<(), TrainError> {
        self.read.set(0);
        self.lines.rewind()
    }

    fn len_hint(&self) -> Option<u64> {
        None
    }
}

/// The same lines as samples of the conf that [`TextFormat::conf`] makes; they name neither users nor items.
pub struct TextSamples {
    lines: Lines,
    /// Slots of the context's fields.
    slots: Vec<u32>,
}

impl TextSamples {
    /// Opens a file for a plan of such a conf.
    ///
    /// # Errors
    /// A file that cannot be opened.
    pub fn open(path: &Path, format: TextFormat, plan: &Plan, loss: Loss) -> Result<TextSamples, TrainError> {
        let fields = plan.schema().side(Side::Context).iter();
        let slots = fields.map(|f| {
            f.name
                .strip_prefix('f')
                .and_then(|s| s.parse().ok())
                .unwrap_or(u32::MAX)
        });
        Ok(TextSamples {
            lines: Lines::open(path, format, loss)?,
            slots: slots.collect(),
        })
    }

    /// Leaves broken lines out.
    #[must_use]
    pub fn leaving_out(mut self, taker: Taker) -> TextSamples {
        self.lines.left_out = Some(taker);
        self
    }
}

impl SampleSource for TextSamples {
    fn next(&mut self, out: &mut Vec<SampleRow>, max: usize) -> Result<usize, TrainError> {
        let before = out.len();
        while out.len() < before + max && self.lines.advance()? {
            let mut tags: Vec<Vec<(String, f32)>> = vec![Vec::new(); self.slots.len()];
            let label = self.lines.parse(|token| {
                if let Some(at) = self.slots.iter().position(|slot| *slot == token.slot) {
                    tags[at].push((token.id.to_owned(), token.value));
                }
            });
            if let Some(label) = self.lines.counted(label)? {
                let value = |tags: &Vec<(String, f32)>| {
                    if tags.is_empty() {
                        Value::Missing
                    } else {
                        Value::weighted(tags)
                    }
                };
                out.push(SampleRow {
                    context: tags.iter().map(value).collect(),
                    label,
                    weight: 1.0,
                    ..SampleRow::default()
                });
            }
        }
        Ok(out.len() - before)
    }

    fn rewind(&mut self) -> Result<(), TrainError> {
        self.lines.rewind()
    }

    fn len_hint(&self) -> Option<u64> {
        None
    }

    fn names(&self) -> Names {
        Names::NONE
    }
}
