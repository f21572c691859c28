//! The C interface from C: its example gives the bytes of `rankine extract` and the scores of the server's code; what C can
//! do wrong is answered. Compiled with `cc`; without a C compiler these tests fail.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::home::{REPOSITORY, home, rankine};

/// The shared library that cargo built beside this test program: the newest, where several builds lie.
fn library() -> PathBuf {
    assert_eq!(rankine_c::ABI, 1, "linked, therefore built");
    let deps = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let named = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("librankine_c") && name.ends_with(".so")
    };
    let entries = std::fs::read_dir(&deps)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let newest = entries
        .filter(named)
        .max_by_key(|path| path.metadata().unwrap().modified().unwrap());
    newest.unwrap_or_else(|| panic!("no librankine_c*.so in {}", deps.display()))
}

/// Compiles a C program of the crate into `folder`, every warning an error.
fn compiled(folder: &Path, source: &str) -> PathBuf {
    std::fs::copy(library(), folder.join("librankine_c.so")).unwrap();
    let (program, capi) = (folder.join("program"), format!("{REPOSITORY}/crates/capi"));
    let output = Command::new("cc")
        .args([
            "-std=c11",
            "-D_GNU_SOURCE",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-pthread",
        ])
        .args(["-I", &format!("{capi}/include"), &format!("{capi}/{source}")])
        .args([
            "-L".as_ref(),
            folder.as_os_str(),
            "-lrankine_c".as_ref(),
            "-o".as_ref(),
            program.as_os_str(),
        ])
        .output()
        .expect("cc runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    program
}

fn run(program: &Path, arguments: &[&Path], input: &Path) -> Output {
    Command::new(program)
        .args(arguments)
        .env("LD_LIBRARY_PATH", program.parent().unwrap())
        .stdin(Stdio::from(std::fs::File::open(input).unwrap()))
        .output()
        .unwrap()
}

#[test]
fn the_example_gives_the_bytes_of_the_command_and_scores() {
    let (folder, home) = (tempfile::tempdir().unwrap(), home());
    let program = compiled(folder.path(), "examples/extract.c");
    let model = home.path().join("models/widedeep/1");
    let (conf, fit) = (model.join("feature.toml"), model.join("fit.json"));
    let (lines, bytes) = (folder.path().join("rows.txt"), folder.path().join("features.bin"));
    lines_of(&conf, &home.path().join("samples/movielens/test.parquet"), &lines);
    let to = |path: &Path| path.display().to_string();
    rankine(
        home.path(),
        &[
            "extract",
            "--model",
            "widedeep",
            &to(&lines),
            "--out",
            &to(&bytes),
            "--strict",
        ],
    )
    .good();
    let output = run(&program, &[&conf, &fit], &lines);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && told.contains("fields, the first is userId"),
        "{told}"
    );
    assert!(output.stdout == std::fs::read(&bytes).unwrap() && output.stdout.len() > 100_000);
    let scored = run(&program, &[&model], &lines);
    let scores = String::from_utf8(scored.stdout).unwrap();
    let scores: Vec<f32> = scores.lines().map(|line| line.parse().unwrap()).collect();
    let expected = scores_of(&model, &std::fs::read_to_string(&lines).unwrap());
    assert!(scores.len() > 1_000 && scores.len() == expected.len());
    let differs = scores
        .iter()
        .zip(&expected)
        .position(|(c, own)| c.to_bits() != own.to_bits());
    assert_eq!(differs, None, "row of another score");
    let distinct: std::collections::BTreeSet<u32> = scores.iter().map(|score| score.to_bits()).collect();
    assert!(distinct.len() > 500, "{}", distinct.len());
}

/// A score per line, by the artefact's own scorer.
fn scores_of(model: &Path, lines: &str) -> Vec<f32> {
    use rankine_feature::{Extractor, Group, Sample};
    let artefact = rankine_model::Artefact::open(model).unwrap();
    let (plan, scorer) = (artefact.plan().unwrap(), artefact.scorer().unwrap());
    let mut extractor = Extractor::new(plan.clone());
    let (mut common, mut item) = (rankine_model::Hidden::default(), rankine_model::Hidden::default());
    let mut scratch = rankine_model::ScoreScratch::default();
    let score = |line: &str| {
        let mut sample = Sample::new(plan.schema());
        sample.line(line).unwrap();
        extractor.run(sample.rows());
        scorer.common(extractor.part(Group::Common), &mut common);
        scorer.item(extractor.part(Group::Item), &mut item);
        scorer.score(&common, &item, extractor.part(Group::Cross), &mut scratch)
    };
    lines.lines().map(score).collect()
}

/// Writes a sample file as text lines of the conf's fields.
fn lines_of(conf: &Path, samples: &Path, out: &Path) {
    let text = std::fs::read_to_string(conf).unwrap();
    let plan = rankine_feature::Plan::compile(&text, "conf", None).unwrap();
    let options = rankine_pipeline::sample::SampleOptions::default();
    let spec = plan.sample_spec();
    let mut reader =
        rankine_pipeline::sample::SampleReader::open(samples, plan.schema(), spec, &options).unwrap();
    let (mut rows, mut lines) = (Vec::new(), String::new());
    while reader.next(&mut rows, 1_000).unwrap() > 0 {}
    for row in rows {
        let mut sample = rankine_feature::Sample::new(plan.schema());
        let sides = [&row.user, &row.item, &row.context];
        sample.set(|field| {
            let (side, at) = plan.schema().find(&field.name).unwrap();
            sides[side as usize][at].clone()
        });
        sample.print(&mut lines);
        lines.push('\n');
    }
    std::fs::write(out, lines).unwrap();
}

#[test]
fn what_c_can_do_wrong_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let program = compiled(folder.path(), "tests/faults.c");
    let output = run(&program, &[], Path::new("/dev/null"));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "good\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success());
}
