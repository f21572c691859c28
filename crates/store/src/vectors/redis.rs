//! Vectors in Redis: a hash per row, written for readers that look up by id and for RediSearch.
//!
//! Key `<set>:<version>:<id>`; fields `vector` (f32 little-endian, what RediSearch's `VECTOR … TYPE FLOAT32` reads),
//! `version`, `as_of`, `position`, `created`, `categories` (joined by `,`, a `TAG`), `gone`. A tombstone has no `vector`,
//! so that no vector index holds it. Hash `vectors:<set>` has a field per generation (`7` → `64 ip`) and `current`. Who
//! wins is decided in a script on the server. Positions are compared there as digits, since Lua counts in doubles; an
//! as-of time beyond 2⁵³ (the year 287,000) is refused.

use redis::{Connection, FromRedisValue, RedisResult};

use super::row::{latest, numbers};
use super::{Generation, Gone, Shape, VectorRow, VectorStore, is_shared};
use crate::rows::check_family;
use crate::{RedisOptions, RedisRows, StoreError};

/// Rows per script call.
const CHUNK: usize = 500;

/// The largest whole number that a double counts exactly.
const EXACT: u64 = 1 << 53;

/// Whether one position, as digits, is above another.
const ABOVE: &str = r#"
local function above(a, b)
  local less, lesser = string.sub(a, 1, 1) == '-', string.sub(b, 1, 1) == '-'
  if less ~= lesser then return lesser end
  if #a ~= #b then return (#a > #b) ~= less end
  if less then return a < b end
  return a > b
end
"#;

/// Per key a position: removes tombstones that are not above it.
const FORGET: &str = r#"
local forgotten = 0
for i, key in ipairs(KEYS) do
  local old = redis.call('HMGET', key, 'position', 'gone')
  if old[2] == '1' and not above(old[1], ARGV[i]) then
    forgotten = forgotten + redis.call('DEL', key)
  end
end
return forgotten
"#;

/// After [`ABOVE`]. Per key seven arguments: gone, as-of, position, whether that stands for several rows, created, categories, vector.
const WRITE: &str = r#"
local applied = 0
for i, key in ipairs(KEYS) do
  local at = (i - 1) * 7 + 1
  local gone, as_of, position, shared = ARGV[at + 1], tonumber(ARGV[at + 2]), ARGV[at + 3], ARGV[at + 4] == '1'
  local old = redis.call('HMGET', key, 'position', 'gone', 'as_of')
  local wins = not old[1] or above(position, old[1])
  if not wins and position == old[1] then
    if old[2] == '0' then wins = gone == '1' or as_of >= tonumber(old[3])
    else wins = gone == '0' and shared end
  end
  if wins then
    redis.call('DEL', key)
    redis.call('HSET', key, 'version', ARGV[1], 'gone', gone, 'as_of', ARGV[at + 2], 'position', ARGV[at + 3])
    if gone == '0' then
      redis.call('HSET', key, 'created', ARGV[at + 5], 'categories', ARGV[at + 6], 'vector', ARGV[at + 7])
    end
    applied = applied + 1
  end
end
return applied
"#;

/// A [`VectorStore`] in Redis. As durable as that server is configured to be; each 500 rows are all or none.
pub struct RedisVectors {
    redis: RedisRows,
}

/// A write, as the script takes it.
struct Write<'a> {
    id: i64,
    position: i64,
    row: Option<&'a VectorRow>,
}

impl RedisVectors {
    /// Connects (once, to fail early) and returns the store.
    ///
    /// # Errors
    /// [`StoreError::Redis`] if the address is malformed or nothing answers in time.
    pub fn connect(options: RedisOptions) -> Result<RedisVectors, StoreError> {
        let redis = RedisRows::connect(options)?;
        Ok(RedisVectors { redis })
    }

    /// As [`RedisVectors::connect`], but a server that is away is no fault: the first call that finds it there is answered.
    ///
    /// # Errors
    /// As [`RedisVectors::connect`], where the server answers, and for a malformed address.
    pub fn open(options: RedisOptions) -> Result<RedisVectors, StoreError> {
        let redis = RedisRows::open(options)?;
        Ok(RedisVectors { redis })
    }

    fn ask<T: FromRedisValue>(&self, action: &'static str, words: &[&str]) -> Result<T, StoreError> {
        self.redis.run(action, |connection| {
            let mut command = redis::cmd(words[0]);
            command.arg(&words[1..]).query(connection)
        })
    }

    fn known(&self, generation: &Generation) -> Result<Shape, StoreError> {
        self.shape(generation)?.ok_or_else(|| generation.missing())
    }

    fn write(&self, generation: &Generation, writes: &[Write<'_>]) -> Result<usize, StoreError> {
        for write in writes {
            write.check(generation)?;
        }
        let mut applied = 0;
        for chunk in writes.chunks(CHUNK) {
            applied += self.redis.run("write vectors", |connection| {
                write_chunk(generation, chunk, connection)
            })?;
        }
        Ok(applied)
    }

    /// Every key of a generation with its id.
    fn keys(&self, generation: &Generation) -> Result<Vec<(i64, String)>, StoreError> {
        let prefix = format!("{}:{}", generation.set, generation.version);
        let keys = self.redis.keys(&prefix)?;
        let ids = keys.into_iter().filter_map(|key| {
            let id = key[prefix.len() + 1..].parse().ok()?;
            Some((id, key))
        });
        let mut ids: Vec<(i64, String)> = ids.collect();
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }
}

impl VectorStore for RedisVectors {
    fn prepare(&self, generation: &Generation, shape: Shape) -> Result<(), StoreError> {
        generation.check()?;
        let (directory, version) = (directory(&generation.set), generation.version.to_string());
        let words = shape.to_string();
        self.ask::<i64>("prepare a generation", &["HSETNX", &directory, &version, &words])?;
        generation.agree(self.known(generation)?, shape)
    }

    fn shape(&self, generation: &Generation) -> Result<Option<Shape>, StoreError> {
        generation.check()?;
        let (directory, version) = (directory(&generation.set), generation.version.to_string());
        let words: Option<String> = self.ask("read a shape", &["HGET", &directory, &version])?;
        Ok(words.and_then(|words| words.split_once(' ').and_then(|(a, b)| Shape::of(a, b))))
    }

    fn upsert(&self, generation: &Generation, rows: &[VectorRow]) -> Result<usize, StoreError> {
        let shape = self.known(generation)?;
        for row in rows {
            row.check(generation, shape)?;
        }
        let kept = latest(rows, |row| row.id, VectorRow::standing);
        let writes = kept.into_iter().map(|row| Write {
            id: row.id,
            position: row.position,
            row: Some(row),
        });
        self.write(generation, &writes.collect::<Vec<_>>())
    }

    fn delete(&self, generation: &Generation, gone: &[Gone]) -> Result<usize, StoreError> {
        self.known(generation)?;
        let kept = latest(gone, |one| one.id, |one| one.standing());
        let writes = kept.into_iter().map(|one| Write {
            id: one.id,
            position: one.position,
            row: None,
        });
        self.write(generation, &writes.collect::<Vec<_>>())
    }

    fn forget(&self, generation: &Generation, gone: &[Gone]) -> Result<usize, StoreError> {
        self.known(generation)?;
        let mut forgotten = 0;
        for chunk in gone.chunks(CHUNK) {
            forgotten += self.redis.run("forget vectors", |connection| {
                let mut command = redis::cmd("EVAL");
                command.arg(format!("{ABOVE}{FORGET}")).arg(chunk.len());
                for one in chunk {
                    command.arg(key(generation, one.id));
                }
                for one in chunk {
                    command.arg(one.position);
                }
                command.query::<usize>(connection)
            })?;
        }
        Ok(forgotten)
    }

    fn get(&self, generation: &Generation, ids: &[i64]) -> Result<Vec<Option<VectorRow>>, StoreError> {
        self.known(generation)?;
        let mut rows = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(CHUNK) {
            let replies = self.redis.run("read vectors", |connection| {
                let mut pipeline = redis::pipe();
                for id in chunk {
                    pipeline.cmd("HMGET").arg(key(generation, *id));
                    pipeline.arg(&["vector", "as_of", "position", "created", "categories"]);
                }
                pipeline.query::<Vec<Reply>>(connection)
            })?;
            rows.extend(chunk.iter().zip(replies).map(|(id, reply)| read(*id, reply)));
        }
        Ok(rows)
    }

    fn ids(&self, generation: &Generation) -> Result<Vec<i64>, StoreError> {
        self.known(generation)?;
        let mut ids = Vec::new();
        for chunk in self.keys(generation)?.chunks(CHUNK) {
            let live = self.redis.run("read ids", |connection| {
                let mut pipeline = redis::pipe();
                for (_, key) in chunk {
                    pipeline.cmd("HEXISTS").arg(key).arg("vector");
                }
                pipeline.query::<Vec<bool>>(connection)
            })?;
            ids.extend(
                chunk
                    .iter()
                    .zip(live)
                    .filter(|(_, live)| *live)
                    .map(|((id, _), _)| *id),
            );
        }
        Ok(ids)
    }

    fn versions(&self, set: &str) -> Result<Vec<u64>, StoreError> {
        check_family(set)?;
        let fields: Vec<String> = self.ask("read versions", &["HKEYS", &directory(set)])?;
        let mut versions: Vec<u64> = fields.iter().filter_map(|field| field.parse().ok()).collect();
        versions.sort_unstable();
        Ok(versions)
    }

    fn current(&self, set: &str) -> Result<Option<u64>, StoreError> {
        check_family(set)?;
        self.ask("read the serving version", &["HGET", &directory(set), "current"])
    }

    fn switch(&self, to: &[Generation]) -> Result<(), StoreError> {
        for generation in to {
            self.known(generation)?;
        }
        self.redis.run("switch generations", |connection| {
            let mut pipeline = redis::pipe();
            pipeline.atomic();
            for generation in to {
                pipeline.cmd("HSET").arg(directory(&generation.set));
                pipeline.arg("current").arg(generation.version).ignore();
            }
            pipeline.query::<()>(connection)
        })
    }

    fn discard(&self, generation: &Generation) -> Result<(), StoreError> {
        generation.check()?;
        if self.current(&generation.set)? == Some(generation.version) {
            return Err(generation.serving());
        }
        for chunk in self.keys(generation)?.chunks(CHUNK) {
            let keys: Vec<&str> = chunk.iter().map(|(_, key)| key.as_str()).collect();
            self.ask::<i64>("discard a generation", &[&["UNLINK"], keys.as_slice()].concat())?;
        }
        let (directory, version) = (directory(&generation.set), generation.version.to_string());
        self.ask::<i64>("discard a generation", &["HDEL", &directory, &version])
            .map(drop)
    }
}

impl Write<'_> {
    fn check(&self, generation: &Generation) -> Result<(), StoreError> {
        let as_of = self.row.map_or(0, |row| row.as_of);
        if as_of.unsigned_abs() <= EXACT {
            return Ok(());
        }
        Err(StoreError::Vector {
            set: generation.set.clone(),
            version: generation.version,
            id: Some(self.id),
            expected: "an as-of time below 2^53".to_owned(),
            got: as_of.to_string(),
        })
    }
}

/// One call of the script.
fn write_chunk(
    generation: &Generation,
    writes: &[Write<'_>],
    connection: &mut Connection,
) -> RedisResult<usize> {
    let mut command = redis::cmd("EVAL");
    command.arg(format!("{ABOVE}{WRITE}")).arg(writes.len());
    for write in writes {
        command.arg(key(generation, write.id));
    }
    command.arg(generation.version);
    for write in writes {
        let (as_of, created) = write.row.map_or((0, 0), |row| (row.as_of, row.created));
        let categories = write.row.map_or(String::new(), |row| row.categories.join(","));
        let vector = write.row.map_or(&[][..], |row| &row.vector);
        let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
        command
            .arg(i32::from(write.row.is_none()))
            .arg(as_of)
            .arg(write.position)
            .arg(i32::from(is_shared(write.position)));
        command.arg(created).arg(categories).arg(bytes);
    }
    command.query(connection)
}

/// Vector, as-of, position, created, categories.
type Reply = (
    Option<Vec<u8>>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<String>,
);

/// A row, or nothing where the key is missing or a tombstone.
fn read(id: i64, (vector, as_of, position, created, categories): Reply) -> Option<VectorRow> {
    let categories = categories.unwrap_or_default();
    let words = categories.split(',').filter(|word| !word.is_empty());
    Some(VectorRow {
        id,
        vector: numbers(&vector?)?,
        as_of: as_of?,
        position: position?,
        created: created?,
        categories: words.map(str::to_owned).collect(),
    })
}

fn key(generation: &Generation, id: i64) -> String {
    format!("{}:{}:{id}", generation.set, generation.version)
}

fn directory(set: &str) -> String {
    format!("vectors:{set}")
}
