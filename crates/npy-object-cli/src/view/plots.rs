//! Lines, images and histograms of numbers, of a size that does not depend on how many numbers
//! there are.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use npy_object::Result;
use npy_object::header::ScalarKind;
use serde::Serialize;

use super::numbers::Numbers;

/// Points of a line. A browser draws as many in a few milliseconds.
const MOST_POINTS: usize = 2_000;
/// Rows, and columns, of an image.
const MOST_PIXELS: usize = 512;
/// Bars of a histogram.
const BARS: usize = 48;
/// Numbers that a histogram reads. Of more, parts at equal distances are read.
const MOST_COUNTED: usize = 1 << 24;

/// Numbers of which many share a point: the least and the most of each stretch.
#[derive(Debug, Serialize, PartialEq)]
pub(super) struct Line {
    /// Numbers of the line that are in the plot.
    from: usize,
    to: usize,
    /// Numbers of the whole line.
    count: usize,
    /// Numbers of a point; the last point may have fewer.
    each: usize,
    /// The least number of each point; `null` where all of them are NaN.
    least: Vec<f64>,
    /// The most of each point.
    most: Vec<f64>,
}

/// Finds the least and the most of each stretch of a sequence.
struct Stretches {
    each: usize,
    seen: usize,
    least: Vec<f64>,
    most: Vec<f64>,
}

impl Stretches {
    fn new(each: usize) -> Stretches {
        Stretches { each: each.max(1), seen: 0, least: Vec::new(), most: Vec::new() }
    }

    fn add(&mut self, mut numbers: &[f64]) {
        while !numbers.is_empty() {
            let place = self.seen % self.each;
            if place == 0 {
                self.least.push(f64::NAN);
                self.most.push(f64::NAN);
            }
            let (now, rest) = numbers.split_at(numbers.len().min(self.each - place));
            let last = self.least.len() - 1;
            // `min` and `max` leave NaN out.
            self.least[last] = now.iter().copied().fold(self.least[last], f64::min);
            self.most[last] = now.iter().copied().fold(self.most[last], f64::max);
            self.seen += now.len();
            numbers = rest;
        }
    }
}

/// Returns the numbers from `from` up to `to` of the line along an axis, in at most `points`
/// points. `fixed` are the indices of the axes; that of the axis itself is not used.
///
/// Fails where the numbers cannot be read.
pub(super) fn line(
    numbers: &Numbers,
    axis: usize,
    fixed: &[usize],
    (from, to): (usize, usize),
    points: usize,
) -> Result<Line> {
    let shape = numbers.shape();
    let (count, stride) = match shape.get(axis) {
        Some(&length) => (length, numbers.stride(axis)),
        // An array without dimensions is one number.
        None => (1, 1),
    };
    let count = if numbers.len() == 0 { 0 } else { count };
    let to = to.min(count);
    let from = from.min(to);
    let each = (to - from).div_ceil(points.clamp(1, MOST_POINTS)).max(1);
    let first = first_of(numbers, fixed, &[axis]) + from * stride;
    let mut stretches = Stretches::new(each);
    numbers.read(first, to - from, stride, |part| stretches.add(part))?;
    let Stretches { least, most, .. } = stretches;
    Ok(Line { from, to, count, each, least, most })
}

/// Returns the place of the item at the indices `fixed`, with 0 for the axes in `free`. An index past
/// the end of its axis counts as the last.
fn first_of(numbers: &Numbers, fixed: &[usize], free: &[usize]) -> usize {
    let axes = numbers.shape().iter().enumerate().filter(|(axis, _)| !free.contains(axis));
    axes.map(|(axis, &length)| {
        let index = fixed.get(axis).copied().unwrap_or(0).min(length.saturating_sub(1));
        index * numbers.stride(axis)
    })
    .sum()
}

/// How often numbers are in each of some ranges of equal width.
#[derive(Debug, Serialize)]
pub(super) struct Histogram {
    /// Numbers of the array.
    count: usize,
    /// Numbers that were read.
    read: usize,
    nan: usize,
    infinite: usize,
    least: f64,
    most: f64,
    mean: f64,
    bars: Vec<usize>,
}

/// Counts the numbers of an array. Reads them twice: for their range, and to count them.
///
/// Fails where the numbers cannot be read.
pub(super) fn histogram(numbers: &Numbers) -> Result<Histogram> {
    let count = numbers.len();
    let (mut nan, mut infinite, mut finite, mut read) = (0, 0, 0usize, 0);
    let (mut least, mut most, mut sum) = (f64::INFINITY, f64::NEG_INFINITY, 0.0);
    each_part(numbers, |part| {
        read += part.len();
        for &number in part {
            if number.is_finite() {
                finite += 1;
                sum += number;
                (least, most) = (least.min(number), most.max(number));
            } else if number.is_nan() {
                nan += 1;
            } else {
                infinite += 1;
            }
        }
    })?;
    let mut bars = vec![0; if finite == 0 { 0 } else { BARS }];
    if finite > 0 {
        each_part(numbers, |part| {
            for &number in part.iter().filter(|number| number.is_finite()) {
                bars[bar_of(number, least, most)] += 1;
            }
        })?;
    }
    let mean = sum / finite as f64;
    Ok(Histogram { count, read, nan, infinite, least, most, mean, bars })
}

/// Returns the number of the bar of a number between `least` and `most`.
fn bar_of(number: f64, least: f64, most: f64) -> usize {
    // The halves do not overflow where the whole range does.
    let share = (number / 2.0 - least / 2.0) / (most / 2.0 - least / 2.0);
    if share.is_nan() { 0 } else { ((share * BARS as f64) as usize).min(BARS - 1) }
}

/// Reads all numbers, or of very many parts at equal distances.
fn each_part(numbers: &Numbers, mut each: impl FnMut(&[f64])) -> Result<()> {
    const PART: usize = 1 << 16;
    let count = numbers.len();
    if count <= MOST_COUNTED {
        return numbers.read(0, count, 1, each);
    }
    let parts = MOST_COUNTED / PART;
    for part in 0..parts {
        let first = ((count - PART) as u128 * part as u128 / (parts - 1) as u128) as usize;
        numbers.read(first, PART, 1, &mut each)?;
    }
    Ok(())
}

/// Which axis of an image has its channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channels {
    /// A heat map: none.
    None,
    First,
    Last,
}

impl Channels {
    /// Returns the channels of this name; of `auto`, those that the shape and dtype suggest.
    pub(super) fn of(name: &str, numbers: &Numbers) -> Channels {
        let shape = numbers.shape();
        let is_color = |length: Option<&usize>| matches!(length, Some(3 | 4));
        let dimensions = shape.len();
        let may_be = |axis: Option<usize>| {
            dimensions >= 3 && is_color(axis.and_then(|axis| shape.get(axis)))
        };
        let first = dimensions.checked_sub(3);
        match name {
            "first" if may_be(first) => Channels::First,
            "last" if may_be(dimensions.checked_sub(1)) => Channels::Last,
            "" | "auto" if may_be(dimensions.checked_sub(1)) => Channels::Last,
            _ => Channels::None,
        }
    }
}

/// A picture of two axes of an array, or of two axes and the channels of a third.
#[derive(Debug, Serialize)]
pub(super) struct Image {
    /// The axes of the rows and of the columns.
    axes: [usize; 2],
    /// Rows and columns of the array.
    rows: usize,
    columns: usize,
    /// Rows and columns of the picture: each `step`th of the array.
    height: usize,
    width: usize,
    step: usize,
    /// 1 for a heat map, 3 or 4 for colours.
    channels: usize,
    least: f64,
    most: f64,
    /// In Base64 a byte for each pixel and channel. In a heat map 0 is NaN, and 1 to 255 are the
    /// numbers from the least to the most.
    data: String,
}

/// Returns a picture of the last two axes besides that of the channels. `fixed` are the indices of
/// the others.
///
/// Fails where the numbers cannot be read. `None` where there are too few axes.
pub(super) fn image(
    numbers: &Numbers,
    channels: Channels,
    fixed: &[usize],
) -> Result<Option<Image>> {
    let shape = numbers.shape();
    let last = match channels {
        Channels::Last => shape.len() - 1,
        Channels::None | Channels::First => shape.len(),
    };
    let Some(row_axis) = last.checked_sub(2) else { return Ok(None) };
    let column_axis = last - 1;
    let channel_axis = match channels {
        Channels::None => None,
        Channels::First => row_axis.checked_sub(1),
        Channels::Last => Some(last),
    };
    let (rows, columns) = (shape[row_axis], shape[column_axis]);
    let step = rows.max(columns).div_ceil(MOST_PIXELS).max(1);
    let (height, width) = match numbers.len() {
        0 => (0, 0),
        _ => (rows.div_ceil(step), columns.div_ceil(step)),
    };
    let count = channel_axis.map_or(1, |axis| shape[axis]);
    let free = [Some(row_axis), Some(column_axis), channel_axis];
    let free: Vec<usize> = free.into_iter().flatten().collect();
    let first = first_of(numbers, fixed, &free);

    let mut values = vec![0.0; height * width * count];
    let column_stride = step * numbers.stride(column_axis);
    for row in 0..height {
        let row_first = first + row * step * numbers.stride(row_axis);
        for channel in 0..count {
            let channel_first = channel * channel_axis.map_or(0, |axis| numbers.stride(axis));
            let mut place = row * width * count + channel;
            numbers.read(row_first + channel_first, width, column_stride, |part| {
                for &number in part {
                    values[place] = number;
                    place += count;
                }
            })?;
        }
    }
    let finite = || values.iter().copied().filter(|number| number.is_finite());
    let (least, most) = finite()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), number| {
            (least.min(number), most.max(number))
        });
    let bytes: Vec<u8> = match channel_axis {
        None => values.iter().map(|&number| heat(number, least, most)).collect(),
        Some(_) => {
            let scale = Scale::of(numbers, least, most);
            values.iter().map(|&number| scale.apply(number)).collect()
        }
    };
    Ok(Some(Image {
        axes: [row_axis, column_axis],
        rows,
        columns,
        height,
        width,
        step,
        channels: count,
        least,
        most,
        data: STANDARD.encode(bytes),
    }))
}

/// Returns the byte of a number in a heat map.
fn heat(number: f64, least: f64, most: f64) -> u8 {
    if number.is_nan() {
        return 0;
    }
    let share = (number / 2.0 - least / 2.0) / (most / 2.0 - least / 2.0);
    // Where all numbers are equal, the share is NaN.
    1 + (share.clamp(0.0, 1.0) * 254.0).round() as u8
}

/// How numbers become the bytes of a channel.
enum Scale {
    /// Numbers from 0 to 255, as cameras give them.
    Bytes,
    /// Numbers from 0 to 1.
    Unit,
    /// Others, from the least to the most.
    Between(f64, f64),
}

impl Scale {
    fn of(numbers: &Numbers, least: f64, most: f64) -> Scale {
        match numbers.item().kind() {
            ScalarKind::Uint | ScalarKind::Int if least >= 0.0 && most <= 255.0 => Scale::Bytes,
            ScalarKind::Float if least >= 0.0 && most <= 1.0 => Scale::Unit,
            ScalarKind::Float if least >= 0.0 && most <= 255.0 => Scale::Bytes,
            _ => Scale::Between(least, most),
        }
    }

    fn apply(&self, number: f64) -> u8 {
        let number = match *self {
            Scale::Bytes => number,
            Scale::Unit => number * 255.0,
            Scale::Between(least, most) => {
                255.0 * (number / 2.0 - least / 2.0) / (most / 2.0 - least / 2.0)
            }
        };
        // The cast makes 0 of NaN, and stays within the bounds.
        number.round() as u8
    }
}

#[cfg(test)]
mod tests {
    use npy_object::header::DType;

    use super::*;

    fn numbers(dtype: &str, shape: &[usize], bytes: &[u8]) -> Numbers {
        let item = dtype.parse::<DType>().unwrap().as_scalar().unwrap();
        Numbers::in_memory(item, shape.to_vec(), bytes.to_vec()).unwrap()
    }

    fn floats(numbers: &[f64]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    #[test]
    fn short_line_has_a_point_for_each_number() {
        let numbers = numbers("<f8", &[3], &floats(&[1.0, f64::NAN, -2.0]));
        let line = line(&numbers, 0, &[], (0, usize::MAX), 100).unwrap();
        assert_eq!((line.from, line.to, line.count, line.each), (0, 3, 3, 1));
        assert_eq!((line.least[0], line.most[2]), (1.0, -2.0));
        assert!(line.least[1].is_nan());
    }

    #[test]
    fn long_line_has_least_and_most_of_each_stretch() {
        let mut all = vec![0.0; 1_000_000];
        (all[3], all[999_999], all[500_000]) = (-7.0, 9.0, f64::NAN);
        let numbers = numbers("<f8", &[1_000_000], &floats(&all));
        let whole = line(&numbers, 0, &[], (0, usize::MAX), 500).unwrap();
        assert_eq!((whole.each, whole.least.len(), whole.most.len()), (2000, 500, 500));
        assert_eq!((whole.least[0], whole.most[499], whole.least[250]), (-7.0, 9.0, 0.0));
        let part = line(&numbers, 0, &[], (999_990, 1_000_000), 500).unwrap();
        assert_eq!((part.each, part.most), (1, [[0.0; 9].as_slice(), &[9.0]].concat()));
        // No request gets more points than the limit.
        let most = line(&numbers, 0, &[], (0, usize::MAX), usize::MAX).unwrap();
        assert!(most.least.len() <= MOST_POINTS);
        assert_eq!(line(&numbers, 0, &[], (9, 3), 5).unwrap().least.len(), 0);
    }

    #[test]
    fn line_along_an_axis_has_the_other_indices_fixed() {
        let bytes: Vec<u8> = (0..24).collect();
        let numbers = numbers("|u1", &[2, 3, 4], &bytes);
        let along = |axis, fixed: &[usize]| line(&numbers, axis, fixed, (0, 99), 99).unwrap().most;
        assert_eq!(along(2, &[1, 2, 0]), [20.0, 21.0, 22.0, 23.0]);
        assert_eq!(along(1, &[1, 0, 3]), [15.0, 19.0, 23.0]);
        assert_eq!(along(0, &[0, 9, 1]), [9.0, 21.0]);
    }

    #[test]
    fn histogram_counts_finite_numbers_and_the_others() {
        let all = [0.0, 1.0, 1.0, f64::NAN, f64::INFINITY, 48.0];
        let found = histogram(&numbers("<f8", &[6], &floats(&all))).unwrap();
        assert_eq!((found.count, found.read, found.nan, found.infinite), (6, 6, 1, 1));
        assert_eq!((found.least, found.most, found.mean), (0.0, 48.0, 12.5));
        assert_eq!((found.bars[0], found.bars[1], found.bars[BARS - 1]), (1, 2, 1));
        let same = histogram(&numbers("<f8", &[2], &floats(&[5.0, 5.0]))).unwrap();
        assert_eq!(same.bars[0], 2);
        let widest = histogram(&numbers("<f8", &[2], &floats(&[f64::MIN, f64::MAX]))).unwrap();
        assert_eq!((widest.bars[0], widest.bars[BARS - 1]), (1, 1));
        assert!(histogram(&numbers("<f8", &[0], &[])).unwrap().bars.is_empty());
    }

    #[test]
    fn heat_map_scales_between_least_and_most() {
        let map = |all: &[f64], shape: &[usize]| {
            let numbers = numbers("<f8", shape, &floats(all));
            let image = image(&numbers, Channels::None, &[1]).unwrap().unwrap();
            (STANDARD.decode(&image.data).unwrap(), image)
        };
        let (bytes, image) = map(&[-1.0, 0.0, 1.0, f64::NAN], &[2, 2]);
        assert_eq!((bytes, image.least, image.most), (vec![1, 128, 255, 0], -1.0, 1.0));
        assert_eq!(map(&[3.0; 4], &[2, 2]).0, [1; 4]);
        // The index of the first axis is fixed at 1.
        assert_eq!(map(&[9.0, 9.0, 0.0, 5.0], &[2, 1, 2]).0, [1, 255]);
        assert!(map(&[], &[0, 5]).0.is_empty());
    }

    #[test]
    fn large_heat_map_has_each_step_of_rows_and_columns() {
        let bytes: Vec<u8> = (0..4000).map(|place| (place % 2000) as u8).collect();
        let numbers = numbers("|u1", &[2, 2000], &bytes);
        let image = image(&numbers, Channels::None, &[]).unwrap().unwrap();
        assert_eq!((image.step, image.height, image.width), (4, 1, 500));
        assert_eq!((image.rows, image.columns), (2, 2000));
    }

    #[test]
    fn colours_of_bytes_are_sent_as_they_are() {
        let bytes: Vec<u8> = (100..112).collect();
        let last = numbers("|u1", &[2, 2, 3], &bytes);
        assert_eq!(Channels::of("auto", &last), Channels::Last);
        let picture = image(&last, Channels::Last, &[]).unwrap().unwrap();
        assert_eq!((picture.channels, picture.axes), (3, [0, 1]));
        assert_eq!(STANDARD.decode(&picture.data).unwrap(), bytes);
        let first = numbers("|u1", &[3, 2, 2], &bytes);
        assert_eq!(Channels::of("auto", &first), Channels::None);
        assert_eq!(Channels::of("first", &first), Channels::First);
        let picture = image(&first, Channels::First, &[]).unwrap().unwrap();
        assert_eq!(STANDARD.decode(&picture.data).unwrap()[..4], [100, 104, 108, 101]);
        let unit = numbers("<f8", &[1, 1, 3], &floats(&[0.0, 0.5, 1.0]));
        let picture = image(&unit, Channels::Last, &[]).unwrap().unwrap();
        assert_eq!(STANDARD.decode(&picture.data).unwrap(), [0, 128, 255]);
        assert!(image(&numbers("|u1", &[4], &[0; 4]), Channels::None, &[]).unwrap().is_none());
    }
}
