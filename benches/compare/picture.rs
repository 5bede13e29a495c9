//! The picture: a bar for each contestant at each level, as SVG. Its colours are of a middle
//! brightness and it has no background, so that it can be read on light and on dark pages.

use plotters::coord::Shift;
use plotters::prelude::{
    ChartBuilder, Color as _, DrawingArea, DrawingAreaErrorKind, IntoDrawingArea as _, IntoFont as _,
    RGBColor, Rectangle, SVGBackend, Text, TextStyle,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::levels::{Level, Who};
use crate::load::Slice;
use crate::race::Row;

const WIDTH: u32 = 900;
const LINE: u32 = 17;
const MARGIN: u32 = 96;
/// Room for names, left of the bars.
const NAMES: u32 = 230;
const INK: RGBColor = RGBColor(125, 125, 125);
const OURS: RGBColor = RGBColor(226, 120, 40);
/// The same gateway in other states.
const OURS_OTHERWISE: RGBColor = RGBColor(196, 148, 108);
const BARE: RGBColor = RGBColor(140, 140, 140);
const OTHERS: RGBColor = RGBColor(60, 130, 200);

type Fault = DrawingAreaErrorKind<std::io::Error>;

/// One line of the picture.
enum Line {
    Title(Level),
    Bar(Who, f64),
}

/// The whole picture; `None` when nothing was measured.
pub(crate) fn draw(rows: &[Row], levels: &[Level], machine: &str) -> Option<Result<String, String>> {
    let lines = lines(rows, levels);
    let longest = lines.iter().map(Line::length).fold(0.0, f64::max);
    (longest > 0.0).then(|| {
        let mut svg = String::new();
        let size = (WIDTH, u32::try_from(lines.len()).unwrap_or(u32::MAX) * LINE + MARGIN);
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let drawn = chart(&area, &lines, longest, machine).and_then(|()| area.present());
        drop(area);
        drawn.map(|()| svg).map_err(|fault| format!("the picture cannot be drawn: {fault}"))
    })
}

fn lines(rows: &[Row], levels: &[Level]) -> Vec<Line> {
    let mut lines = Vec::new();
    for &level in levels {
        lines.push(Line::Title(level));
        let measured = rows.iter().filter(|row| row.level == level);
        lines.extend(
            measured.filter_map(|row| Some(Line::Bar(row.who, row.spread(Slice::cpu_micros)?.median))),
        );
    }
    lines
}

impl Line {
    fn length(&self) -> f64 {
        match self {
            Self::Title(_) => 0.0,
            Self::Bar(_, micros) => *micros,
        }
    }
}

fn chart(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    lines: &[Line],
    longest: f64,
    machine: &str,
) -> Result<(), Fault> {
    let font = |size: i32| TextStyle::from(("sans-serif", size).into_font()).color(&INK);
    area.draw(&Text::new("CPU time of the proxy for each request", (16, 12), font(20)))?;
    area.draw(&Text::new(machine, (16, 38), font(12)))?;
    let (_, below) = area.split_vertically(58);
    let count = lines.len() as f64;
    let mut chart = ChartBuilder::on(&below)
        .y_label_area_size(NAMES)
        .x_label_area_size(34)
        .margin_right(64)
        .build_cartesian_2d(0.0..longest * 1.02, count..0.0)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(0)
        .axis_style(INK)
        .bold_line_style(INK.mix(0.35))
        .light_line_style(INK.mix(0.0))
        .label_style(font(12))
        .x_desc("µs (microseconds) of CPU time, median; shorter is better")
        .x_label_formatter(&|micros| format!("{micros:.0}"))
        .draw()?;
    let plot = chart.plotting_area();
    let at_left = Pos::new(HPos::Right, VPos::Center);
    let at_right = Pos::new(HPos::Left, VPos::Center);
    for (place, line) in lines.iter().enumerate() {
        let middle = place as f64 + 0.5;
        let (x, y) = plot.map_coordinate(&(line.length(), middle));
        match line {
            Line::Title(level) => {
                let style =
                    TextStyle::from(("sans-serif", 13).into_font().style(plotters::style::FontStyle::Bold));
                area.draw(&Text::new(level.title(), (12, y), style.color(&INK).pos(at_right)))?;
            }
            Line::Bar(who, micros) => {
                let colour = match who {
                    Who::Gateway => OURS,
                    Who::LaneClosed | Who::Before => OURS_OTHERWISE,
                    Who::Bare | Who::SameBuilt => BARE,
                    _ => OTHERS,
                };
                let ends = [(0.0, middle - 0.38), (*micros, middle + 0.38)];
                plot.draw(&Rectangle::new(ends, colour.filled()))?;
                let (left, _) = plot.map_coordinate(&(0.0, middle));
                area.draw(&Text::new(who.name(), (left - 6, y), font(12).pos(at_left)))?;
                area.draw(&Text::new(format!("{micros:.1}"), (x + 4, y), font(11).pos(at_right)))?;
            }
        }
    }
    Ok(())
}
