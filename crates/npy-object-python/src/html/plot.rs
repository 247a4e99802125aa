//! Numbers as small drawings, in SVG: a line of numbers of one dimension, an image of two, or of three
//! whose last has 3 or 4 colours.

use std::collections::BTreeMap;
use std::fmt::Write;

use npy_object::Floats;

/// The width and height of a line, in pixels.
const LINE: [usize; 2] = [120, 24];
/// Points of a line.
const POINTS: usize = 60;
/// The most cells of an image along each axis.
const CELLS: usize = 24;
/// The width and height of an image, in pixels.
const IMAGE: usize = 48;
/// Levels of each colour.
const LEVELS: f64 = 15.0;

/// Returns a drawing of numbers; `None` of numbers that have none.
pub(super) fn plot(floats: &Floats<'_>) -> Option<String> {
    match *floats.shape() {
        [length] if length > 1 => line(&floats.sample(POINTS)),
        [height, width] if height > 1 && width > 1 => image(floats, height, width, 1),
        [height, width, colours @ (3 | 4)] if height > 1 && width > 1 => {
            image(floats, height, width, colours)
        }
        _ => None,
    }
}

/// Returns the least and the greatest of the finite numbers, if there are two.
fn extremes(numbers: &[f64]) -> Option<[f64; 2]> {
    let finite = numbers.iter().copied().filter(|number| number.is_finite());
    let (least, most) = (finite.clone().fold(f64::MAX, f64::min), finite.fold(f64::MIN, f64::max));
    (least <= most).then_some([least, most])
}

/// Returns where a number is between two others, from 0 to 1.
fn share(number: f64, [least, most]: [f64; 2]) -> f64 {
    // Halves, because the difference may be infinite.
    let span = most / 2.0 - least / 2.0;
    if span > 0.0 { ((number / 2.0 - least / 2.0) / span).clamp(0.0, 1.0) } else { 0.5 }
}

fn line(numbers: &[f64]) -> Option<String> {
    let bounds = extremes(numbers)?;
    let [width, height] = LINE;
    let mut path = String::new();
    let mut pen = 'M';
    for (place, &number) in numbers.iter().enumerate() {
        if !number.is_finite() {
            pen = 'M';
            continue;
        }
        let x = place as f64 * (width - 2) as f64 / (numbers.len() - 1) as f64 + 1.0;
        let y = (1.0 - share(number, bounds)) * (height - 4) as f64 + 2.0;
        let _ = write!(path, "{pen}{x:.0} {y:.1}");
        pen = 'L';
    }
    Some(format!(
        "<svg width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"line of numbers\"><path \
         class=\"npyo-line\" d=\"{path}\"/></svg>"
    ))
}

fn image(floats: &Floats<'_>, height: usize, width: usize, colours: usize) -> Option<String> {
    let [rows, columns] = [height, width].map(|length| length.min(CELLS));
    let shown = colours.min(3);
    let mut numbers = Vec::new();
    for row in 0..rows {
        for column in 0..columns {
            let (y, x) = (row * height / rows, column * width / columns);
            let first = (y * width + x) * colours;
            numbers.extend((0..shown).map(|colour| floats.get(first + colour).unwrap_or(f64::NAN)));
        }
    }
    let bounds = extremes(&numbers)?;
    // The cells of one colour are one path, and those next to each other one rectangle.
    let mut paths: BTreeMap<String, String> = BTreeMap::new();
    let cells: Vec<Option<String>> =
        numbers.chunks_exact(shown).map(|cell| colour_of(cell, bounds)).collect();
    for (row, cells) in cells.chunks_exact(columns).enumerate() {
        let mut column = 0;
        while column < columns {
            let run = cells[column..].iter().take_while(|cell| **cell == cells[column]).count();
            if let Some(colour) = &cells[column] {
                let path = paths.entry(colour.clone()).or_default();
                let _ = write!(path, "M{column} {row}h{run}v1h-{run}z");
            }
            column += run;
        }
    }
    let scale = IMAGE as f64 / rows.max(columns) as f64;
    let (w, h) = (columns as f64 * scale, rows as f64 * scale);
    let mut svg = format!(
        "<svg width=\"{w:.0}\" height=\"{h:.0}\" viewBox=\"0 0 {columns} {rows}\" \
         shape-rendering=\"crispEdges\" role=\"img\" aria-label=\"image\">"
    );
    for (colour, path) in &paths {
        let _ = write!(svg, "<path fill=\"{colour}\" d=\"{path}\"/>");
    }
    svg.push_str("</svg>");
    Some(svg)
}

/// Returns the colour of a cell: grey of one number, red, green and blue of three; none of NaN.
fn colour_of(cell: &[f64], bounds: [f64; 2]) -> Option<String> {
    let level = |number: f64| {
        let level = (share(number, bounds) * LEVELS).round() as u32;
        number.is_finite().then(|| char::from_digit(level, 16).unwrap_or('f'))
    };
    Some(match *cell {
        [grey] => format!("#{0}{0}{0}", level(grey)?),
        [red, green, blue] => format!("#{}{}{}", level(red)?, level(green)?, level(blue)?),
        _ => return None,
    })
}
