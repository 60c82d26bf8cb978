//! Whether runs were made alike enough for a ratio to mean something.

use crate::reading::Recorded;
use crate::report::Setup;

/// How a setup's part reads, or nothing where the report does not say.
type Said = fn(&Setup) -> String;

const PARTS: [(&str, Said); 9] = [
    ("machine", |setup| setup.machine.clone()),
    ("scenario", |setup| setup.scenario.clone().unwrap_or_default()),
    ("rate", |setup| setup.profile.clone()),
    ("highest rate", |setup| format!("{}/s", setup.rps)),
    ("protocol", |setup| setup.target.split("://").next().unwrap_or_default().to_owned()),
    ("deadline", |setup| setup.deadline_ms.map_or("none".to_owned(), |ms| format!("{ms} ms"))),
    ("warm-up", |setup| format!("{} s", setup.warmup_s)),
    ("length", |setup| format!("{} s", setup.duration_s)),
    ("number of requests in the mix", |setup| setup.requests.to_string()),
];

/// One line for each thing that differs between the runs, or that spoils one of them.
pub(super) fn warnings(a: &[&Recorded], b: &[&Recorded]) -> Vec<String> {
    let mut warnings = Vec::new();
    for (name, said) in PARTS {
        let of = |runs: &[&Recorded]| {
            let mut said: Vec<String> = runs.iter().map(|run| said(&run.report.setup)).collect();
            said.sort();
            said.dedup();
            said
        };
        let (of_a, of_b) = (of(a), of(b));
        if of_a != of_b {
            let named = |said: Vec<String>| {
                said.into_iter().map(|said| if said.is_empty() { "not said".to_owned() } else { said })
            };
            let [of_a, of_b] = [of_a, of_b].map(|said| named(said).collect::<Vec<_>>().join(", "));
            warnings.push(format!("the {name} differs: A {of_a}; B {of_b}"));
        }
    }
    for (side, runs) in [("A", a), ("B", b)] {
        for run in runs {
            let path = run.path.display();
            if let Some(lag) = run.report.lag.p99_ms.filter(|lag| *lag > 1.0) {
                warnings.push(format!(
                    "{side} ({path}): its generator sent late (p99 {lag:.1} ms), which is in the latencies"
                ));
            }
            if run.report.seconds.len() < 30 {
                warnings.push(format!(
                    "{side} ({path}) has {} seconds: the interval of a short run is too narrow",
                    run.report.seconds.len()
                ));
            }
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::sample;

    #[test]
    fn runs_made_otherwise_are_called_unlike_in_each_thing() {
        let a = Recorded { report: sample::report(), ..Recorded::default() };
        let mut b = Recorded { report: sample::report(), ..Recorded::default() };
        assert_eq!(warnings(&[&a], &[&b]), [""; 0]);

        let setup = &mut b.report.setup;
        setup.target = "http://127.0.0.1:8080".to_owned();
        setup.machine = "another machine".to_owned();
        setup.scenario = None;
        b.report.lag.p99_ms = Some(12.0);
        b.report.seconds.truncate(10);
        let said = warnings(&[&a], &[&b]).join("\n");
        for part in [
            "protocol differs: A grpc; B http",
            "machine differs",
            "scenario differs: A reference-day; B not said",
            "sent late",
            "10 seconds",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}
