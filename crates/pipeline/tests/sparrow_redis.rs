//! The importer of SparrowRecSys's Redis against a real redis-server filled by its own commands.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot set up its server must fail"
)]

use rankine_feature::Value;
use rankine_pipeline::rows::{decode, decode_vector};
use rankine_pipeline::{Aggregates, sparrow_redis};
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

#[test]
fn rows_and_vectors_are_taken_over_and_bad_values_counted() {
    let folder = tempfile::tempdir().unwrap();
    let server =
        RedisServer::start(folder.path()).expect("redis-server is needed: apt-get install redis-server");
    let source = RedisRows::connect(RedisOptions::new(&server.url())).unwrap();
    source
        .put_many(
            "uf",
            &[
                (6, user(&[])),
                (7, user(&[("userAvgRating", "good"), ("mood", "fine")])),
            ],
        )
        .unwrap();
    source
        .put_many(
            "mf",
            &[(592, cells(&[("movieAvgRating", "NaN"), ("movieGenre1", "Crime")]))],
        )
        .unwrap();
    let vector = |text: &str| cells(&[("vector", text)]);
    let vectors = [
        (1, "0.5 -1.25"),
        (2, "0.5"),
        (3, "x 1"),
        (4, "1e-3 2"),
        (5, "Infinity 1"),
    ];
    source
        .put_many("i2vEmb", &vectors.map(|(id, text)| (id, vector(text))))
        .unwrap();

    let target = MemoryRows::new();
    let import = sparrow_redis::import(&source, &target).unwrap();
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
    let server =
        RedisServer::start(folder.path()).expect("redis-server is needed: apt-get install redis-server");
    let store = RedisRows::connect(RedisOptions::new(&server.url())).unwrap();
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
