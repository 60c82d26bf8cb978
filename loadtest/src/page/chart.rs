//! Line charts as SVG, drawn by `plotters`. Colours are those of a light page and readable on a dark one; the page's style
//! sheet takes over text and grid.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint};
use plotters::prelude::*;

use crate::reading::ReadingError;

/// A chart over two axes.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) lines: Vec<Line>,
    /// Vertical lines with a word each.
    pub(super) marks: Vec<Mark>,
}

/// One line of a chart; `None` breaks it.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) colour: Colour,
    /// In pixels; what may lie under another line is wider, and pale.
    pub(super) width: u32,
    pub(super) points: Vec<(f64, Option<f64>)>,
}

#[derive(Debug)]
pub(super) struct Mark {
    pub(super) x: f64,
    pub(super) text: String,
}

/// A scale with its name and ticks.
#[derive(Debug)]
pub(super) struct Axis {
    name: String,
    scale: Scale,
    range: Range<f64>,
    /// Where, on the scale, and what is written there.
    ticks: Vec<(f64, String)>,
}

/// How values become places.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Scale {
    Linear,
    Log,
    /// Shares of a whole: each further nine takes as much room.
    Nines,
}

/// Told apart by people who do not see red and green, on white and on black (after Okabe and Ito, 2008).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    Blue,
    Orange,
    Red,
    Green,
    Violet,
}

const SIZE: (u32, u32) = (960, 320);

/// Replaced by the style sheet.
pub(super) const GRID: RGBColor = RGBColor(0xd0, 0xd7, 0xde);
pub(super) const INK: RGBColor = RGBColor(0x57, 0x60, 0x6a);

impl Chart {
    /// An `<svg>` element.
    pub(super) fn svg(&self) -> Result<String, ReadingError> {
        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
            self.draw(&area).map_err(|error| ReadingError::Draw(error.to_string()))?;
        }
        // The width is the page's; the view box keeps the proportion.
        Ok(svg.replacen(&format!("width=\"{}\" height=\"{}\" ", SIZE.0, SIZE.1), "", 1))
    }

    fn draw<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, plotters::coord::Shift>,
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
        let (x, y) = (&self.x, &self.y);
        let mut chart = ChartBuilder::on(area)
            .margin(8)
            .margin_right(24)
            .x_label_area_size(48)
            .y_label_area_size(76)
            .build_cartesian_2d(x.coordinates(), y.coordinates())?;
        let label = ("sans-serif", 14).into_font().color(&INK);
        chart
            .configure_mesh()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(INK)
            .x_desc(&x.name)
            .y_desc(&y.name)
            .label_style(label.clone())
            .axis_desc_style(label.clone())
            .x_labels(x.ticks.len().max(1))
            .y_labels(y.ticks.len().max(1))
            .x_label_formatter(&|at| x.label(*at))
            .y_label_formatter(&|at| y.label(*at))
            .draw()?;
        let violet = Colour::Violet.rgb();
        for mark in &self.marks {
            let at = x.at(mark.x);
            let line = PathElement::new([(at, y.range.start), (at, y.range.end)], violet.stroke_width(1));
            chart.draw_series([line])?;
        }
        for line in &self.lines {
            let opacity = if line.width > 2 { 0.4 } else { 1.0 };
            let style = line.colour.rgb().mix(opacity).stroke_width(line.width);
            for part in line.points.split(|(_, value)| value.is_none()) {
                let places: Vec<(f64, f64)> =
                    part.iter().filter_map(|(at, value)| Some((x.at(*at), y.at((*value)?)))).collect();
                if let [one] = places[..] {
                    chart.draw_series([Circle::new(one, 2, style.filled())])?;
                } else {
                    chart.draw_series(LineSeries::new(places, style))?;
                }
            }
        }
        for mark in &self.marks {
            let style = ("sans-serif", 12).into_font().transform(FontTransform::Rotate90).color(&violet);
            let text = Text::new(mark.text.clone(), (15, 4), style); // pixels beside the line
            chart.draw_series([EmptyElement::at((x.at(mark.x), y.range.end)) + text])?;
        }
        area.present()
    }
}

impl Axis {
    /// From 0 to at least `most`.
    pub(super) fn linear(name: &str, most: f64) -> Axis {
        let step = step(most / 5.0);
        let count = if most > 0.0 { (most / step - 1e-9).ceil() } else { 1.0 };
        let ticks = (0..=count as usize).map(|at| at as f64 * step).map(|at| (at, short(at)));
        Axis { name: name.to_owned(), scale: Scale::Linear, range: 0.0..count * step, ticks: ticks.collect() }
    }

    /// Seconds from 0 to `most`.
    pub(super) fn seconds(name: &str, most: f64) -> Axis {
        let most = if most > 0.0 { most } else { 1.0 };
        let step = step(most / 8.0);
        let ticks = (0..=(most / step) as usize).map(|at| at as f64 * step).map(|at| (at, short(at)));
        Axis { name: name.to_owned(), scale: Scale::Linear, range: 0.0..most, ticks: ticks.collect() }
    }

    /// Over all of `values` above 0, in decades.
    pub(super) fn log(name: &str, values: impl Iterator<Item = f64>) -> Axis {
        let ends = values.filter(|value| *value > 0.0 && value.is_finite());
        let (low, high) = ends
            .fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), value| (low.min(value), high.max(value)));
        let (low, high) = if low <= high { (low, high) } else { (1.0, 10.0) };
        let mut all = Vec::new();
        for decade in low.log10().floor() as i32..=high.log10().ceil() as i32 {
            let digits: &[f64] = if high / low > 2000.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
            all.extend(digits.iter().map(|digit| digit * 10_f64.powi(decade)));
        }
        let first = all.iter().rposition(|tick| *tick <= low * 1.000_001).unwrap_or(0);
        let last =
            all.iter().position(|tick| *tick >= high * 0.999_999).unwrap_or(all.len().saturating_sub(1));
        let kept = all.get(first..=last.max(first + 1).min(all.len().saturating_sub(1))).unwrap_or(&all);
        let ticks: Vec<(f64, String)> = kept.iter().map(|tick| (tick.log10(), short(*tick))).collect();
        let range = ticks.first().map_or(0.0, |(at, _)| *at)..ticks.last().map_or(1.0, |(at, _)| *at);
        Axis { name: name.to_owned(), scale: Scale::Log, range, ticks }
    }

    /// Shares from 0 to `most` below 1, stretched towards 1.
    pub(super) fn nines(name: &str, most: f64) -> Axis {
        let scale = Scale::Nines;
        let end = scale.at(most).max(scale.at(0.999));
        let named = [0.0, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999, 0.999_999];
        let ticks = named.iter().map(|share| (scale.at(*share), percentage(*share)));
        let ticks = ticks.filter(|(at, _)| *at <= end + 1e-9).collect();
        Axis { name: name.to_owned(), scale, range: 0.0..end, ticks }
    }

    fn at(&self, value: f64) -> f64 {
        self.scale.at(value).clamp(self.range.start, self.range.end)
    }

    fn coordinates(&self) -> Coordinates {
        Coordinates { range: self.range.clone(), ticks: self.ticks.iter().map(|(at, _)| *at).collect() }
    }

    fn label(&self, at: f64) -> String {
        let near = self.ticks.iter().find(|(tick, _)| (tick - at).abs() < 1e-9);
        near.map_or_else(String::new, |(_, text)| text.clone())
    }
}

/// A scale as plotters takes it, with the ticks of its axis.
struct Coordinates {
    range: Range<f64>,
    ticks: Vec<f64>,
}

impl Ranged for Coordinates {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let length = self.range.end - self.range.start;
        let share = if length > 0.0 { (value - self.range.start) / length } else { 0.0 };
        from + (f64::from(to - from) * share).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl Scale {
    fn at(self, value: f64) -> f64 {
        match self {
            Scale::Linear => value,
            Scale::Log => value.max(f64::MIN_POSITIVE).log10(),
            Scale::Nines => -(1.0 - value).max(1e-9).log10(),
        }
    }
}

impl Colour {
    fn rgb(self) -> RGBColor {
        let [red, green, blue] = match self {
            Colour::Blue => [0x1f, 0x83, 0xd6],
            Colour::Orange => [0xd9, 0x7b, 0x00],
            Colour::Red => [0xdc, 0x3d, 0x43],
            Colour::Green => [0x00, 0x99, 0x6b],
            Colour::Violet => [0x9a, 0x5f, 0xd0],
        };
        RGBColor(red, green, blue)
    }

    /// As a style sheet writes it.
    pub(super) fn css(self) -> String {
        let RGBColor(red, green, blue) = self.rgb();
        format!("#{red:02x}{green:02x}{blue:02x}")
    }
}

/// 1, 2 or 5 times a power of ten, at least `least`.
fn step(least: f64) -> f64 {
    if !(least > 0.0 && least.is_finite()) {
        return 1.0;
    }
    let decade = 10_f64.powf(least.log10().floor());
    let digits = [1.0, 2.0, 5.0, 10.0];
    digits.iter().map(|digit| digit * decade).find(|step| *step >= least * 0.999_999).unwrap_or(10.0 * decade)
}

/// Without the noise of floating point.
fn short(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.to_owned()
}

fn percentage(share: f64) -> String {
    if share == 0.0 { "min".to_owned() } else { format!("p{}", short(share * 100.0)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, text)| text.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_numbers_that_cover_the_values() {
        assert_eq!(named(&Axis::linear("", 800.0)), ["0", "200", "400", "600", "800"]);
        assert_eq!(named(&Axis::linear("", 0.12)), ["0", "0.05", "0.1", "0.15"]);
        assert_eq!(named(&Axis::linear("", 0.0)), ["0", "1"]);
        assert_eq!(named(&Axis::log("", [0.8, 9.0, 0.0].into_iter())), ["0.5", "1", "2", "5", "10"]);
        assert_eq!(named(&Axis::log("", [1.0, 1.0].into_iter())), ["1", "2"]);
        assert_eq!(named(&Axis::nines("", 0.999)), ["min", "p50", "p75", "p90", "p95", "p99", "p99.9"]);
        assert!(named(&Axis::log("", [0.001, 60_000.0].into_iter())).len() < 10);
    }

    #[test]
    fn a_chart_has_its_axes_names_and_every_mark() {
        let chart = Chart {
            x: Axis::seconds("seconds", 10.0),
            y: Axis::linear("cores", 0.2),
            lines: vec![Line {
                name: "CPU",
                colour: Colour::Blue,
                width: 2,
                points: (0..10).map(|at| (f64::from(at), (at != 5).then_some(0.1))).collect(),
            }],
            marks: vec![Mark { x: 4.0, text: "<b>v2".to_owned() }],
        };
        let svg = chart.svg().unwrap();
        assert!(svg.contains("cores") && svg.contains("seconds") && svg.contains("&lt;b&gt;v2"), "{svg}");
        assert!(!svg.contains("<b>"), "{svg}");
        let lines = svg.matches(&Colour::Blue.css().to_uppercase()).count();
        assert_eq!(lines, 2, "broken where nothing was measured: {svg}");
    }
}
