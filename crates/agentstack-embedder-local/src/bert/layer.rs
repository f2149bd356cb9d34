//! One layer of BERT: attention, then two linear maps, each with what came in added and put to a common scale.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayViewMut1, s};

use super::Config;
use crate::LocalModelProblem as Problem;
use crate::weights::{Weights, float};

pub(super) struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    attended: Linear,
    attended_norm: Norm,
    wide: Linear,
    narrow: Linear,
    norm: Norm,
}

impl Layer {
    pub(super) fn read(weights: &Weights<'_>, name: &str, config: &Config) -> Result<Self, Problem> {
        let width = config.hidden_size;
        let linear = |rest: &str, from, to| Linear::read(weights, &format!("{name}{rest}"), from, to);
        let norm = |rest: &str| Norm::read(weights, &format!("{name}{rest}"), config);
        Ok(Self {
            query: linear("attention.self.query", width, width)?,
            key: linear("attention.self.key", width, width)?,
            value: linear("attention.self.value", width, width)?,
            attended: linear("attention.output.dense", width, width)?,
            attended_norm: norm("attention.output.LayerNorm")?,
            wide: linear("intermediate.dense", width, config.intermediate_size)?,
            narrow: linear("output.dense", config.intermediate_size, width)?,
            norm: norm("output.LayerNorm")?,
        })
    }

    pub(super) fn apply(&self, hidden: &Array2<f32>, lengths: &[usize], heads: usize) -> Array2<f32> {
        let mut attended = self.attended.apply(&self.attend(hidden, lengths, heads));
        attended += hidden;
        self.attended_norm.apply(&mut attended);
        let mut wide = self.wide.apply(&attended);
        wide.iter_mut().for_each(|number| *number = gelu(*number));
        let mut hidden = self.narrow.apply(&wide);
        hidden += &attended;
        self.norm.apply(&mut hidden);
        hidden
    }

    /// Each piece looks at all pieces of its own text.
    fn attend(&self, hidden: &Array2<f32>, lengths: &[usize], heads: usize) -> Array2<f32> {
        let [query, key, value] = [&self.query, &self.key, &self.value].map(|linear| linear.apply(hidden));
        let mut attended = Array2::zeros(hidden.raw_dim());
        let width = hidden.ncols() / heads;
        let scale = float(width).sqrt().recip();
        let mut start = 0;
        for &length in lengths {
            let mut scores = Array2::zeros((length, length));
            for head in 0..heads {
                let part = s![start..start + length, head * width..(head + 1) * width];
                general_mat_mul(scale, &query.slice(part), &key.slice(part).t(), 0.0, &mut scores);
                rows(&mut scores).for_each(softmax);
                general_mat_mul(1.0, &scores, &value.slice(part), 0.0, &mut attended.slice_mut(part));
            }
            start += length;
        }
        attended
    }
}

struct Linear {
    /// A row for each number that comes out.
    weight: Array2<f32>,
    bias: Array1<f32>,
}

impl Linear {
    fn read(weights: &Weights<'_>, name: &str, from: usize, to: usize) -> Result<Self, Problem> {
        let weight = weights.matrix(&format!("{name}.weight"), [to, from])?;
        Ok(Self { weight, bias: weights.row(&format!("{name}.bias"), to)? })
    }

    fn apply(&self, input: &Array2<f32>) -> Array2<f32> {
        let mut output = Array2::zeros((input.nrows(), self.bias.len()));
        output += &self.bias;
        general_mat_mul(1.0, input, &self.weight.t(), 1.0, &mut output);
        output
    }
}

/// Puts a row to mean 0 and variance 1, then to what was learnt.
pub(super) struct Norm {
    weight: Vec<f32>,
    bias: Vec<f32>,
    epsilon: f32,
}

impl Norm {
    pub(super) fn read(weights: &Weights<'_>, name: &str, config: &Config) -> Result<Self, Problem> {
        let row = |rest: &str| weights.row(&format!("{name}.{rest}"), config.hidden_size);
        let (weight, bias) = (row("weight")?.to_vec(), row("bias")?.to_vec());
        Ok(Self { weight, bias, epsilon: config.layer_norm_eps })
    }

    pub(super) fn apply(&self, hidden: &mut Array2<f32>) {
        for row in rows(hidden) {
            let count = float(row.len());
            let mean = row.iter().sum::<f32>() / count;
            let variance = row.iter().map(|number| (number - mean).powi(2)).sum::<f32>() / count;
            let scale = (variance + self.epsilon).sqrt().recip();
            for (number, (weight, bias)) in row.iter_mut().zip(self.weight.iter().zip(&self.bias)) {
                *number = (*number - mean) * scale * weight + bias;
            }
        }
    }
}

/// The rows of a matrix that was made row by row, as all of ours are.
pub(super) fn rows(matrix: &mut Array2<f32>) -> impl Iterator<Item = &mut [f32]> {
    matrix.rows_mut().into_iter().filter_map(ArrayViewMut1::into_slice)
}

/// Turns scores into shares of one.
fn softmax(row: &mut [f32]) {
    let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for score in &mut *row {
        *score = (*score - highest).exp();
    }
    let sum = row.iter().sum::<f32>();
    for score in row {
        *score /= sum;
    }
}

fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + error_function(x * std::f32::consts::FRAC_1_SQRT_2))
}

/// The error function by a quotient of two polynomials, the one of Eigen and XLA; off by less than 4·10⁻⁷.
fn error_function(x: f32) -> f32 {
    let x = x.clamp(-4.0, 4.0);
    let square = x * x;
    let above = [
        -2.726_142_3e-10,
        2.770_681_4e-8,
        -2.101_024e-6,
        -5.692_506_4e-5,
        -7.349_906_3e-4,
        -2.954_6e-3,
        -1.609_603_3e-2,
    ];
    let below = [-1.456_607_2e-5, -2.133_740_6e-4, -1.682_827e-3, -7.373_329e-3, -1.426_473_9e-2];
    let value = |factors: &[f32]| factors.iter().fold(0.0, |sum, factor| sum * square + factor);
    x * value(&above) / value(&below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_function_is_near_its_tables() {
        // Abramowitz and Stegun, table 7.1.
        let table = [
            (0.0, 0.0),
            (0.1, 0.112_462_92),
            (0.5, 0.520_499_9),
            (1.0, 0.842_700_8),
            (1.5, 0.966_105_15),
            (2.0, 0.995_322_3),
            (3.0, 0.999_977_9),
            (9.0, 1.0),
        ];
        for (x, expected) in table {
            assert!((error_function(x) - expected).abs() < 4e-7, "{x}: {}", error_function(x));
            assert!((error_function(-x) + expected).abs() < 4e-7, "-{x}");
        }
    }

    #[test]
    fn shares_add_up_to_one_even_of_large_scores() {
        let mut row = [1000.0, 1000.0, -1000.0];
        softmax(&mut row);
        assert_eq!(row.map(f32::to_bits), [0.5, 0.5, 0.0].map(f32::to_bits));
    }
}
