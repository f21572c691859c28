//! The page of a model's chronicle: the curve of what its gate compared, and a line per training.
//!
//! Decision: it looks as a version's report does and needs nothing beside itself; what a gate stopped and what was taken back stand on
//! the curve as points of their own, so that a line joins only what served.

use rankine_chart::{Curve, Frame, escape};

use super::page::{document, section, table};
use crate::chronicle::{Begun, Chronicle, Compared, Training};
use crate::metric::Bounds;

/// A training, and the version that was made to serve instead of what it published.
type Night<'a> = (&'a Training, Option<u64>);

/// Heads of the columns of [`rows`].
pub const HEAD: [&str; 11] = [
    "training",
    "outcome",
    "figure",
    "serving",
    "its figure",
    "samples",
    "seconds",
    "restored",
    "added",
    "dropped",
    "ended",
];

/// The chronicle of the model `name` as a page; `serves` is the version that serves, `when` writes a time.
#[must_use]
pub fn page(name: &str, serves: Option<u64>, chronicle: &Chronicle, when: &dyn Fn(i64) -> String) -> String {
    let nights = chronicle.trainings();
    let (escaped, count) = (escape(name), nights.len());
    let mut body = format!(
        "<h1>{escaped}</h1>\n<p>{count} trainings, each held against the version that served.</p>\n{}",
        headline(&nights, serves)
    );
    body += &section("Curve", &curve(&nights));
    let rows = rows(&nights, &|time| when(time).replacen('T', " ", 1));
    let rows = rows
        .into_iter()
        .map(|cells| cells.iter().map(|cell| breaking(cell)).collect());
    body += &section(
        "Trainings",
        &[figures(&nights), table("nights", &HEAD, rows)].concat(),
    );
    body += &section("Blocked", &blocked(&nights));
    body += &section("Data", &learnt(&nights));
    document(&format!("{escaped} – chronicle"), &body)
}

/// A cell as it may break: before an interval, never within it.
fn breaking(cell: &str) -> String {
    cell.replace(" … ", "\u{a0}…\u{a0}")
}

/// A row of cells per training.
#[must_use]
pub fn rows(nights: &[Night<'_>], when: &dyn Fn(i64) -> String) -> Vec<Vec<String>> {
    let rows = (1..).zip(nights);
    rows.map(|(number, night)| row(number, night, when)).collect()
}

fn row(number: usize, night: &Night<'_>, when: &dyn Fn(i64) -> String) -> Vec<String> {
    let training = night.0;
    let compared = training.compared.as_ref();
    let told = |value: Option<f64>, interval: Option<Bounds>| {
        let range = interval.map(|i| format!(" ({:.4} … {:.4})", i.low, i.high));
        value.map_or_else(
            || "–".to_owned(),
            |value| format!("{value:.4}{}", range.unwrap_or_default()),
        )
    };
    let begun = training.begun.as_ref();
    let rows = |at: usize| begun.map_or_else(|| "–".to_owned(), |begun| changed(begun, at).to_string());
    vec![
        number.to_string(),
        outcome(night),
        told(compared.and_then(|c| c.value), compared.and_then(|c| c.interval)),
        compared.map_or_else(|| "–".to_owned(), |c| c.serving.clone()),
        told(
            compared.and_then(|c| c.serving_value),
            compared.and_then(|c| c.serving_interval),
        ),
        training.samples.to_string(),
        format!("{:.1}", training.seconds),
        rows(0),
        rows(1),
        rows(2),
        when(training.time),
    ]
}

/// What came of a training.
fn outcome((training, instead): &Night<'_>) -> String {
    match (training.version, instead) {
        (None, _) => "blocked".to_owned(),
        (Some(version), None) => format!("published {version}"),
        (Some(version), Some(older)) => format!("published {version}, rolled back to {older}"),
    }
}

/// Rows restored (0), added (1) or dropped (2).
fn changed(begun: &Begun, at: usize) -> usize {
    begun.rows.values().map(|rows| rows[at]).sum()
}

/// Rows added and dropped, table by table.
fn by_table(begun: &Begun) -> String {
    let told = |(table, [_, added, dropped]): (&String, &[usize; 3])| match (added, dropped) {
        (0, 0) => None,
        (added, 0) => Some(format!("{table} +{added}")),
        (0, dropped) => Some(format!("{table} −{dropped}")),
        (added, dropped) => Some(format!("{table} +{added} −{dropped}")),
    };
    begun.rows.iter().filter_map(told).collect::<Vec<_>>().join(", ")
}

/// How many there were of each outcome, and what serves.
fn headline(nights: &[Night<'_>], serves: Option<u64>) -> String {
    let count = |is: fn(&Night<'_>) -> bool| nights.iter().filter(|night| is(night)).count().to_string();
    let serves = serves.map_or_else(|| "–".to_owned(), |version| version.to_string());
    let all = [
        ("published", count(|night| night.0.version.is_some())),
        ("blocked", count(|night| night.0.version.is_none())),
        ("rolled back", count(|night| night.1.is_some())),
        ("version that serves", serves),
    ];
    let all = all.map(|(what, count)| format!("<li><b>{count}</b><span>{what}</span></li>\n"));
    format!("<ul class=\"figures\">\n{}</ul>\n", all.concat())
}

/// A series of the curve: its name, and the figures of the trainings that belong to it.
type Series<'a> = (&'a str, fn(&Night<'_>) -> bool);

/// The figures of the new versions and of the one that served at the time.
fn curve(nights: &[Night<'_>]) -> String {
    let compared = || {
        (1_u32..)
            .zip(nights)
            .filter_map(|(x, night)| Some((f64::from(x), night, night.0.compared.as_ref()?)))
    };
    let Some((_, _, first)) = compared().next() else {
        return String::new();
    };
    let frame = Frame::new("New and serving versions")
        .x_axis("training")
        .y_axis(&first.figure)
        .size(900.0, 360.0);
    let number = |value: Option<f64>| value.unwrap_or(f64::NAN);
    let ends = |x: f64, interval: Option<Bounds>| interval.map(|i| (x, i.low, i.high));
    let serving: Vec<_> = compared().map(|(x, _, c)| (x, number(c.serving_value))).collect();
    let band: Vec<_> = compared()
        .filter_map(|(x, _, c)| ends(x, c.serving_interval))
        .collect();
    let mut chart = Curve::new(frame).series("serving version", &serving).band(&band);
    let outcomes: [Series<'_>; 3] = [
        ("published", |night| {
            night.0.version.is_some() && night.1.is_none()
        }),
        ("blocked", |night| night.0.version.is_none()),
        ("rolled back", |night| night.1.is_some()),
    ];
    for (name, is) in outcomes {
        let own: Vec<_> = compared().filter(|(_, night, _)| is(night)).collect();
        // a point that is none ends the line before it: what did not come to serve is joined to nothing
        let gap = (name != "published").then_some((f64::NAN, f64::NAN));
        let points = own
            .iter()
            .flat_map(|(x, _, c)| std::iter::once((*x, number(c.value))).chain(gap));
        let whiskers = own.iter().filter_map(|(x, _, c)| ends(*x, c.interval));
        if !own.is_empty() {
            chart = chart
                .series(name, &points.collect::<Vec<_>>())
                .whiskers(&whiskers.collect::<Vec<_>>());
        }
    }
    format!(
        "<p>Bars and the band: 95 % intervals, users drawn (rows, where they name none).</p>\n{}",
        chart.svg()
    )
}

/// What the figures are.
fn figures(nights: &[Night<'_>]) -> String {
    let first = nights.iter().find_map(|night| night.0.compared.as_ref());
    first.map_or_else(String::new, |compared: &Compared| {
        format!(
            "<p>The figure is {}, with its 95 % interval. Restored, added, dropped: rows of tables, against the version a training began \
             from.</p>\n",
            escape(&compared.figure)
        )
    })
}

/// Why each blocked version was.
fn blocked(nights: &[Night<'_>]) -> String {
    let all = (1..).zip(nights).filter(|(_, night)| night.0.version.is_none());
    let all = all.filter_map(|(number, night): (usize, _)| {
        let why = &night.0.compared.as_ref()?.told;
        Some(format!("<li>Training {number}: {}</li>\n", escape(why)))
    });
    let all: String = all.collect();
    match all.is_empty() {
        true => all,
        false => format!("<ul>\n{all}</ul>"),
    }
}

/// What each training learnt from and began from.
fn learnt(nights: &[Night<'_>]) -> String {
    let row = |(number, night): (usize, &Night<'_>)| {
        let begun = night.0.begun.as_ref();
        let from = begun.map_or_else(|| "nothing".to_owned(), |begun| begun.from.clone());
        let rows = begun.map_or_else(|| "–".to_owned(), by_table);
        vec![number.to_string(), from, rows, night.0.learnt.join(", ")]
    };
    let head = ["training", "began from", "rows of tables", "learnt from"];
    table("text", &head, (1..).zip(nights).map(row))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chronicle::tests::nights;

    #[test]
    fn every_training_is_a_line_and_a_point_with_its_outcome() {
        let chronicle = nights();
        let page = page("<films>", Some(2), &chronicle, &|time| format!("at {time}"));
        for part in [
            "<h1>&lt;films&gt;</h1>",
            "<li><b>3</b><span>published</span></li>",
            "<li><b>1</b><span>blocked</span></li>",
            "<li><b>1</b><span>rolled back</span></li>",
            "<li><b>2</b><span>version that serves</span></li>",
            "<td>published 3, rolled back to 2</td>",
            "<td>0.0500 (0.0300\u{a0}…\u{a0}0.0800)</td>",
            "<td>97</td><td>10</td><td>4</td>",
            "<li>Training 3: it is &lt;worse&gt; than films@1</li>",
            "<td>movie +10 −4</td>",
            "samples/dt=20160103/samples.parquet",
            "at 1767225600000000",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
        let outside = ["http-equiv", "src=", "<link", "<script", "@import", "url("];
        assert!(outside.iter().all(|word| !page.contains(word)));
        // three compared versions, and the one that served
        assert_eq!(page.matches("class=\"rk-whisker\"").count(), 3);
        assert_eq!(page.matches("class=\"rk-band\"").count(), 1);
        assert_eq!(page.matches("<circle").count(), 3 + 3);
        // the line of what served; one published point alone is no line
        assert_eq!(page.matches("<path class=\"rk-s").count(), 1);
    }

    #[test]
    fn trainings_that_nothing_was_compared_with_have_no_curve() {
        let mut chronicle = nights();
        chronicle.events.truncate(1);
        let page = page("films", None, &chronicle, &|_| String::new());
        assert!(!page.contains("id=\"curve\"") && !page.contains("id=\"blocked\""));
        assert!(page.contains("<td>published 1</td><td>–</td>"), "{page}");
    }
}
