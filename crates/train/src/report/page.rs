//! `report.html`: a card as one page that needs nothing beside itself, neither network nor script.
//!
//! Decision: the page is made of the card, so that both say the same; pictures are inline SVG, and all text passes the
//! charts' escaping function.

use rankine_chart::escape;

use super::{drawing, live};
use crate::card::Card;
use crate::metric::{Bounds, Evaluation};
use crate::ranking::{Ranking, RankingTable};

const STYLE: &str = include_str!("report.css");

/// The card as a page.
#[must_use]
pub fn page(card: &Card) -> String {
    let name = escape(&card.name);
    let mut body = format!(
        "<h1>{name}</h1>\n<p>{}</p>\n{}",
        escape(&card.what),
        headline(card)
    );
    body += &section("Training", &training(card));
    body += &section("Metrics", &metrics(card));
    let reliability = card.reliability().unwrap_or_default();
    let note = "<p>Predicted probability against the share that happened; the dotted line is perfect.</p>";
    body += &section("Calibration", &with_note(note, &reliability));
    body += &section("Network", &network(card));
    let split = if card.split.is_empty() {
        String::new()
    } else {
        format!("<p>Split: {}</p>", escape(&card.split))
    };
    body += &section("Data", &[pairs(&card.data), split].concat());
    body += &section("Facts", &pairs(&card.facts));
    body += &section("Limits", &list(&card.limits));
    body += &section("Configuration", &code(&card.config));
    document(&format!("{name} – report"), &body)
}

/// A page of its own; title and body are escaped already.
pub(super) fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
}

/// The figures one looks for first, with their intervals.
fn headline(card: &Card) -> String {
    let model = card
        .evaluations
        .last()
        .and_then(|e| e.lines.iter().find(|line| !line.baseline));
    let Some(line) = model else {
        return String::new();
    };
    let told = |name: &str, value: Option<f64>, bounds: Option<Bounds>| {
        let value = value.filter(|v| v.is_finite())?;
        let range = bounds.map_or(String::new(), |b| format!(" ({:.4} … {:.4})", b.low, b.high));
        Some(format!("<li><b>{value:.4}</b><span>{name}{range}</span></li>\n"))
    };
    let (m, i) = (&line.measures, &line.intervals);
    let all = [
        told("ROC-AUC", m.roc_auc, i.roc_auc),
        told("logloss", m.logloss, i.logloss),
        told("GAUC", m.gauc.value, i.gauc),
        told("ECE", m.ece, i.ece),
        told("RMSE", m.rmse, i.rmse),
    ];
    format!(
        "<ul class=\"figures\">\n{}</ul>\n",
        all.into_iter().flatten().collect::<String>()
    )
}

fn training(card: &Card) -> String {
    let Some(last) = card.history.last() else {
        return String::new();
    };
    let rows = card.history.iter().map(live::row);
    format!(
        "<p>{} epochs in {:.1} s. {}</p>\n{}\n{}",
        card.history.len(),
        last.elapsed_s,
        card.kept.sentence(),
        card.curve(),
        table("", &live::HEAD, rows)
    )
}

fn metrics(card: &Card) -> String {
    let rows = card.evaluations.iter().map(evaluation);
    rows.chain(card.rankings.iter().map(ranking)).collect()
}

/// Lists over all items: all rankers, intervals, groups.
fn ranking(ranking: &Ranking) -> String {
    let mut text = format!("<h3>Lists</h3>\n<p>{}</p>\n", escape(&ranking.about()));
    for RankingTable { heading, rows } in ranking.tables() {
        if !heading.is_empty() {
            text += &format!("<h3>{}</h3>\n", escape(&heading));
        }
        let mut rows = rows.into_iter();
        let head = rows.next().unwrap_or_default();
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        text += &table("", &head, rows);
    }
    text
}

/// One evaluation: all scorers, intervals, differences, groups, further outputs.
fn evaluation(e: &Evaluation) -> String {
    let share = 100.0 * e.positives as f64 / e.rows.max(1) as f64;
    let mut text = format!(
        "<h3>{}</h3>\n<p>{}, {share:.1} % positive; baselines are in brackets.</p>\n",
        escape(&e.title),
        e.of()
    );
    text += &e
        .scores_note()
        .map_or(String::new(), |note| format!("<p>{note}.</p>\n"));
    text += &figures(e);
    let how = e.resamples();
    let intervals = e.intervals();
    if !intervals.is_empty() {
        text += &format!("<h3>{:.0} % intervals ({how})</h3>\n", 100.0 * e.bootstrap.level);
        text += &table(
            "",
            &["", "figure", "low", "high"],
            intervals.into_iter().map(Vec::from),
        );
    }
    if !e.differences.is_empty() {
        let rows = e.differences.iter().map(|d| {
            let mut row = vec![format!("{} − {}", d.model, d.baseline)];
            row.extend([d.interval.difference, d.interval.low, d.interval.high].map(|v| format!("{v:+.4}")));
            row
        });
        text += "<h3>Difference in ROC-AUC</h3>\n";
        text += &table("", &["", "difference", "low", "high"], rows);
    }
    if !e.slices.is_empty() {
        text += "<h3>By group of rows</h3>\n";
        text += &table("group", &e.group_headings(), told_once(e.by_group()).into_iter());
    }
    e.others.iter().for_each(|other| text += &evaluation(other));
    text
}

/// Rows whose first three cells are empty where they are those of the row before.
fn told_once(mut rows: Vec<Vec<String>>) -> Vec<Vec<String>> {
    for at in (1..rows.len()).rev() {
        if rows[at][..3] == rows[at - 1][..3] {
            rows[at][..3].iter_mut().for_each(String::clear);
        }
    }
    rows
}

/// The table of all figures; models stand out.
fn figures(e: &Evaluation) -> String {
    let plain = table("", &e.headings(), e.lines.iter().map(|line| e.cells(line)));
    let models = e.lines.iter().filter(|line| !line.baseline).count();
    let mut parts = plain.split("<tbody>\n<tr>");
    let (head, body) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let rows: Vec<&str> = body.split("\n<tr>").collect();
    let marked = rows.iter().enumerate().map(|(i, row)| {
        let class = if i < models { " class=\"model\"" } else { "" };
        format!("\n<tr{class}>{row}")
    });
    format!("{head}<tbody>{}", marked.collect::<String>())
}

fn network(card: &Card) -> String {
    let Some(outline) = &card.network else {
        return String::new();
    };
    let head = ["layer", "what", "output", "parameters", "reads"];
    let rows = outline.lines().into_iter().map(Vec::from);
    format!(
        "{}\n{}<p>{}</p>",
        drawing(outline),
        table("text", &head, rows),
        escape(&outline.total())
    )
}

fn with_note(note: &str, body: &str) -> String {
    if body.is_empty() {
        String::new()
    } else {
        format!("{note}\n{body}")
    }
}

/// A part of a page under a heading; none where there is nothing to say.
pub(super) fn section(heading: &str, body: &str) -> String {
    if body.is_empty() {
        return String::new();
    }
    let id = heading.to_lowercase();
    format!("<section id=\"{id}\">\n<h2>{heading}</h2>\n{body}\n</section>\n")
}

/// A table with a head; what does not fit is scrolled to.
pub(super) fn table(class: &str, head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let row = |cells: &[String]| {
        let cells: String = cells
            .iter()
            .map(|cell| format!("<td>{}</td>", escape(cell)))
            .collect();
        format!("<tr>{cells}</tr>\n")
    };
    let head: String = head
        .iter()
        .map(|cell| format!("<th>{}</th>", escape(cell)))
        .collect();
    let rows: String = rows.map(|cells| row(&cells)).collect();
    format!(
        "<div class=\"wide\"><table class=\"{class}\">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n"
    )
}

fn pairs(rows: &[(String, String)]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let rows = rows.iter().map(|(name, value)| vec![name.clone(), value.clone()]);
    table("text", &["", ""], rows)
}

fn list(lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let lines: String = lines
        .iter()
        .map(|line| format!("<li>{}</li>\n", escape(line)))
        .collect();
    format!("<ul>\n{lines}</ul>")
}

/// Text as it is, line by line.
fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let lines: Vec<String> = text.trim_end().lines().map(escape).collect();
    format!("<pre>{}</pre>", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::tests::card;

    #[test]
    fn the_page_holds_all_parts_and_needs_nothing_else() {
        let mut card = card();
        card.name = "<b>&".into();
        let page = page(&card);
        for id in [
            "training",
            "metrics",
            "calibration",
            "data",
            "limits",
            "configuration",
        ] {
            assert!(page.contains(&format!("<section id=\"{id}\">")), "{id}");
        }
        assert!(!page.contains("id=\"network\""), "there is none");
        assert!(page.contains("<h1>&lt;b&gt;&amp;</h1>") && !page.contains("<h1><b>"));
        let outside = ["http-equiv", "src=", "<link", "<script", "@import", "url("];
        assert!(outside.iter().all(|word| !page.contains(word)));
        assert!(page.matches("<svg").count() > 2 && page.contains("<tr class=\"model\">"));
        assert_eq!(
            page.matches("<section").count(),
            page.matches("</section>").count()
        );
        assert_eq!(page.matches("<tr").count(), page.matches("</tr>").count());
    }

    #[test]
    fn lists_stand_on_the_page_with_their_intervals() {
        let mut card = card();
        card.rankings = vec![crate::ranking::tests::example()];
        let page = page(&card);
        for part in [
            "<h3>Lists</h3>",
            "(popularity)",
            "95 % intervals (1000 resamples",
            "<td>MRR of 99</td>",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(page.contains("<span>GAUC (1.0000 … 1.0000)</span>"), "{page}");
        assert!(card.markdown().contains("| own | hit rate | 0.0000 | 1.0000 |"));
    }

    #[test]
    fn an_empty_card_is_a_page_all_the_same() {
        let page = page(&Card::default());
        assert!(page.starts_with("<!doctype html>") && !page.contains("<section"));
    }
}
