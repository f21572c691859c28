//! The importer of SparrowRecSys's Redis against a real redis-server filled by its own commands.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its server must fail"
)]

use rankine_feature::Value;
use rankine_pipeline::Aggregates;
use rankine_pipeline::rows::{decode, decode_vector};
use rankine_pipeline::sparrow_redis::{self, SparrowImport};
use rankine_store::testing::RedisServer;
use rankine_store::{Cells, MemoryRows, RedisOptions, RedisRows, RowStore};

fn cells(cells: &[(&str, &str)]) -> Cells {
    cells
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect()
}

/// A user as `FeatureEngForRecModel.extractAndSaveUserFeaturesToRedis` leaves one: text, empty if unknown.
fn user(extra: &[(&str, &str)]) -> Cells {
    let mut row = cells(&[
        ("userRatedMovie1", "858"),
        ("userRatedMovie2", ""),
        ("userRatingCount", "42"),
        ("userAvgReleaseYear", "1994"),
        ("userReleaseYearStddev", "6.20"),
        ("userAvgRating", "3.72"),
        ("userRatingStddev", "0.91"),
        ("userGenre1", "Film-Noir"),
        ("userGenre5", ""),
    ]);
    row.extend(cells(extra));
    row
}

fn field(row: &[Value], name: &str) -> Value {
    let at = Aggregates::user_fields()
        .iter()
        .position(|(field, _)| *field == name)
        .unwrap();
    row[at].clone()
}

/// A server and a connection to it; a missing program fails the test.
fn start(folder: &tempfile::TempDir) -> (RedisServer, RedisRows) {
    let server = RedisServer::start(folder.path()).unwrap();
    let rows = RedisRows::connect(RedisOptions::new(&server.url())).unwrap();
    (server, rows)
}

/// Imports two users, a film and five vectors, some of them bad.
fn imported() -> (SparrowImport, MemoryRows) {
    let folder = tempfile::tempdir().unwrap();
    let (_server, source) = start(&folder);
    let strange = user(&[("userAvgRating", "good"), ("mood", "fine")]);
    source.put_many("uf", &[(6, user(&[])), (7, strange)]).unwrap();
    let film = cells(&[("movieAvgRating", "NaN"), ("movieGenre1", "Crime")]);
    source.put_many("mf", &[(592, film)]).unwrap();
    let vectors = [
        (1, "0.5 -1.25"),
        (2, "0.5"),
        (3, "x 1"),
        (4, "1e-3 2"),
        (5, "Infinity 1"),
    ];
    let vectors = vectors.map(|(id, text)| (id, cells(&[("vector", text)])));
    source.put_many("i2vEmb", &vectors).unwrap();
    let target = MemoryRows::new();
    (sparrow_redis::import(&source, &target).unwrap(), target)
}

#[test]
fn bad_values_are_counted_and_named() {
    let (import, _) = imported();
    assert_eq!((import.users, import.items, import.unknown_fields), (2, 1, 1));
    assert_eq!(import.vectors, [(1, vec![0.5, -1.25]), (4, vec![0.001, 2.0])]);
    let rejected: Vec<(&str, Option<&str>)> = import
        .rejects
        .iter()
        .map(|reject| (reject.key.as_str(), reject.field.as_deref()))
        .collect();
    let expected = [
        ("uf:7", Some("userAvgRating")),
        ("mf:592", Some("movieAvgRating")),
        ("i2vEmb:2", None),
        ("i2vEmb:3", None),
        ("i2vEmb:5", None),
    ];
    assert_eq!(rejected, expected);
    assert_eq!(import.rejected, 5);
}

#[test]
fn rows_and_vectors_are_taken_over() {
    let (_, target) = imported();
    let rows = target.get_many("uf", &[6, 7]).unwrap();
    let fields = || Aggregates::user_fields().iter().copied();
    let six = decode(fields(), 6, rows[0].as_ref().unwrap()).unwrap();
    assert_eq!(field(&six, "userId"), Value::Int(6));
    assert_eq!(field(&six, "userRatedMovie1"), Value::Int(858));
    assert_eq!(field(&six, "userRatedMovie2"), Value::Missing);
    assert_eq!(field(&six, "userAvgReleaseYear"), Value::Float(1994.0));
    assert_eq!(field(&six, "userGenre1"), Value::str("Film-Noir"));
    assert_eq!(field(&six, "userGenre5"), Value::Missing);
    let seven = decode(fields(), 7, rows[1].as_ref().unwrap()).unwrap();
    assert_eq!(
        (field(&seven, "userAvgRating"), field(&seven, "userRatingCount")),
        (Value::Missing, Value::Int(42))
    );
    let stored = target.get_many("i2vEmb", &[4, 2]).unwrap();
    assert_eq!(
        decode_vector(4, stored[0].as_ref().unwrap()).unwrap(),
        [0.001, 2.0]
    );
    assert_eq!(stored[1], None);
}

#[test]
fn what_we_write_to_redis_reads_as_a_sparrowrecsys_hash() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, store) = start(&folder);
    let row = rankine_pipeline::rows::encode(Aggregates::user_fields(), &{
        let mut row = vec![Value::Missing; Aggregates::user_fields().len()];
        (row[0], row[11], row[16]) = (Value::Int(6), Value::str("Film-Noir"), Value::ints(&[858, 50]));
        row
    });
    store.put_many("uf", &[(6, row)]).unwrap();
    let back = sparrow_redis::import(&store, &MemoryRows::new()).unwrap();
    assert_eq!((back.users, back.rejected, back.unknown_fields), (1, 0, 0));
    let hash = store.get_many("uf", &[6]).unwrap().remove(0).unwrap();
    assert_eq!(
        hash,
        cells(&[
            ("userId", "6"),
            ("userGenre1", "Film-Noir"),
            ("userHistory", "858,50")
        ])
    );
}
