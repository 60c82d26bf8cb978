//! A comparison as people read it.

use std::fmt::{self, Display, Formatter};

use super::{Compared, Comparison, Side, Verdict};

impl Display for Comparison {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        for (name, sides) in [("A", &self.a), ("B", &self.b)] {
            sides.iter().try_for_each(|side| named(out, name, side))?;
        }
        writeln!(out)?;
        self.warnings.iter().try_for_each(|warning| writeln!(out, "warning: {warning}"))?;
        if !self.warnings.is_empty() {
            writeln!(out)?;
        }
        writeln!(
            out,
            "{:<19}{:>9}{:>17}{:>9}{:>17}{:>8}{:>24}",
            "", "A", "middle half", "B", "middle half", "B/A", "B/A by seconds"
        )?;
        self.measures.iter().try_for_each(|measure| row(out, measure))?;
        writeln!(
            out,
            "\nA and B: of the whole run{}. middle half: from the first to the third quartile of its seconds.",
            if self.a.len() > 1 { ", the median of the runs" } else { "" }
        )?;
        writeln!(out, "{}", self.method)
    }
}

fn named(out: &mut Formatter<'_>, name: &str, side: &Side) -> fmt::Result {
    let server = side.server.as_deref().unwrap_or("of unknown version");
    writeln!(out, "{name}  {}  {} at {}, server {server}", side.path.display(), side.target, side.profile)
}

fn row(out: &mut Formatter<'_>, measure: &Compared) -> fmt::Result {
    let middle = |of: &Option<super::Quartiles>| {
        of.map_or("-".to_owned(), |of| format!("{} to {}", figure(of.low), figure(of.high)))
    };
    let middle_ratio = measure.ratio_of_seconds.map_or("-".to_owned(), |ratio| format!("{ratio:.3}"));
    let by_seconds = match measure.interval {
        Some(range) => format!("{middle_ratio} ({:.3} to {:.3})", range.low, range.high),
        None => middle_ratio,
    };
    let whole = |value: Option<f64>| value.map_or("-".to_owned(), figure);
    write!(
        out,
        "{:<19}{:>9}{:>17}{:>9}{:>17}{:>8}{:>24}",
        format!("{} ({})", measure.name, measure.unit),
        whole(measure.a),
        middle(&measure.seconds_a),
        whole(measure.b),
        middle(&measure.seconds_b),
        measure.ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.3}")),
        by_seconds,
    )?;
    let said = match measure.verdict {
        Verdict::More => "  B is higher",
        Verdict::Less => "  B is lower",
        Verdict::WithinNoise => "  no more than noise",
        Verdict::Unknown => "",
    };
    write!(out, "{said}")?;
    if !measure.pairs.is_empty() {
        let pairs: Vec<String> = measure.pairs.iter().map(|ratio| format!("{ratio:.3}")).collect();
        write!(out, "   by pair {}", pairs.join(" "))?;
    }
    writeln!(out)
}

fn figure(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size < 10.0 => format!("{value:.3}"),
        size if size < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}
