//! The weights of a model: tensors by name, of the expected shape, in finite numbers.

use std::path::PathBuf;

use ndarray::{Array1, Array2};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use crate::folder::Folder;
use crate::{LocalModelProblem as Problem, TensorProblem};

/// The file of the weights.
pub(crate) const WEIGHTS: &str = "model.safetensors";

/// Largest file of weights, in bytes.
const MOST: u64 = 2 << 30;

/// Longest header of it, in bytes. That of a model with 6 layers has eleven thousand.
const MOST_OF_HEADER: u64 = 4 << 20;

/// The bytes of a file of weights whose header is not too long.
pub(crate) fn read(folder: &mut Folder) -> Result<Vec<u8>, Problem> {
    let bytes = folder.bytes(WEIGHTS, MOST)?;
    let header = bytes.first_chunk::<8>().map_or(0, |length| u64::from_le_bytes(*length));
    if header > MOST_OF_HEADER {
        return Err(Problem::Header { file: folder.file(WEIGHTS), most: MOST_OF_HEADER });
    }
    Ok(bytes)
}

/// The tensors of a file.
pub(crate) struct Weights<'bytes> {
    file: PathBuf,
    tensors: SafeTensors<'bytes>,
}

impl<'bytes> Weights<'bytes> {
    pub(crate) fn of(bytes: &'bytes [u8], folder: &Folder) -> Result<Self, Problem> {
        let file = folder.file(WEIGHTS);
        match SafeTensors::deserialize(bytes) {
            Ok(tensors) => Ok(Self { file, tensors }),
            Err(source) => Err(Problem::Weights { file, source }),
        }
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.tensors.names()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.tensors.tensor(name).is_ok()
    }

    /// The rows and columns of a matrix that has some.
    pub(crate) fn extent(&self, name: &str) -> Result<[usize; 2], Problem> {
        match *self.tensor(name)?.shape() {
            [rows, columns] if rows > 0 && columns > 0 => Ok([rows, columns]),
            _ => Err(self.problem(name, TensorProblem::NotAMatrix)),
        }
    }

    pub(crate) fn matrix(&self, name: &str, shape: [usize; 2]) -> Result<Array2<f32>, Problem> {
        let numbers = self.numbers(name, &shape)?;
        // The numbers are as many as the shape says; it was looked at above.
        Array2::from_shape_vec(shape, numbers).map_err(|_| self.problem(name, TensorProblem::NotAMatrix))
    }

    pub(crate) fn row(&self, name: &str, length: usize) -> Result<Array1<f32>, Problem> {
        Ok(Array1::from_vec(self.numbers(name, &[length])?))
    }

    pub(crate) fn table(&self, name: &str, shape: [usize; 2]) -> Result<Table, Problem> {
        Ok(Table { numbers: self.numbers(name, &shape)?, width: shape[1] })
    }

    fn numbers(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, Problem> {
        let tensor = self.tensor(name)?;
        if tensor.shape() != shape {
            let (expected, found) = (shape.to_vec(), tensor.shape().to_vec());
            return Err(self.problem(name, TensorProblem::Shape { expected, found }));
        }
        let numbers = decoded(&tensor).ok_or_else(|| self.problem(name, TensorProblem::Type))?;
        if !numbers.iter().all(|number| number.is_finite()) {
            return Err(self.problem(name, TensorProblem::NotFinite));
        }
        Ok(numbers)
    }

    fn tensor(&self, name: &str) -> Result<TensorView<'bytes>, Problem> {
        self.tensors.tensor(name).map_err(|_| self.problem(name, TensorProblem::Missing))
    }

    fn problem(&self, name: &str, problem: TensorProblem) -> Problem {
        Problem::Tensor { file: self.file.clone(), tensor: name.to_owned(), problem }
    }
}

/// A matrix whose rows are taken one by one.
pub(crate) struct Table {
    numbers: Vec<f32>,
    width: usize,
}

impl Table {
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// The row of a token. There is one for each that the tokenizer knows; that was looked at when the model was read.
    pub(crate) fn row(&self, id: u32) -> Option<&[f32]> {
        let start = usize::try_from(id).ok()?.checked_mul(self.width)?;
        self.numbers.get(start..start.checked_add(self.width)?)
    }
}

/// A count as a number to divide by.
#[expect(
    clippy::cast_precision_loss,
    reason = "the pieces of a text and the numbers of a row are below 2^24"
)]
pub(crate) fn float(count: usize) -> f32 {
    count as f32
}

/// The numbers of a tensor, if they are of a kind that is known.
fn decoded(tensor: &TensorView<'_>) -> Option<Vec<f32>> {
    let (fours, _) = tensor.data().as_chunks::<4>();
    let (twos, _) = tensor.data().as_chunks::<2>();
    match tensor.dtype() {
        Dtype::F32 => Some(fours.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()),
        Dtype::BF16 => Some(twos.iter().map(|&[low, high]| f32::from_le_bytes([0, 0, low, high])).collect()),
        Dtype::F16 => Some(twos.iter().map(|bytes| from_half(u16::from_le_bytes(*bytes))).collect()),
        _ => None,
    }
}

/// A number of 16 bits (IEEE 754 binary16) as one of 32.
fn from_half(half: u16) -> f32 {
    let sign = u32::from(half & 0x8000) << 16;
    let fraction = u32::from(half & 0x03ff);
    let magnitude = match u32::from(half >> 10 & 0x1f) {
        // Below the smallest power of two: so many times 2⁻²⁴.
        0 => (f32::from(half & 0x03ff) / 16_777_216.0).to_bits(),
        31 => 0x7f80_0000 | fraction << 13,
        exponent => (exponent + 112) << 23 | fraction << 13,
    };
    f32::from_bits(sign | magnitude)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_numbers_are_what_the_standard_says() {
        let known = [
            (0x0000, 0.0),
            (0x0001, 5.960_464_5e-8),
            (0x03ff, 6.097_555e-5),
            (0x0400, 6.103_515_6e-5),
            (0x3555, 0.333_251_95),
            (0x3c00, 1.0),
            (0x7bff, 65504.0),
            (0xc000, -2.0),
        ];
        for (half, number) in known {
            assert_eq!(from_half(half).to_bits(), f32::to_bits(number), "{half:#06x}");
        }
        assert_eq!(from_half(0x8000).to_bits(), (-0.0_f32).to_bits());
        assert!(from_half(0x7c00).is_infinite() && from_half(0x7e00).is_nan());
    }
}
