//! The tensor table: names, shapes, types and places. Every tensor must lie inside the file and beside the others.

use std::collections::HashSet;

use super::{Invalid, ReadAt, cursor::Cursor, limits};

pub(super) struct Tensors {
    pub(super) parameters: u64,
    /// Rows of the embedding table, when there is one: the model's own idea of its vocabulary.
    pub(super) embedding_rows: Option<u64>,
}

pub(super) fn read(cursor: &mut Cursor<'_, impl ReadAt>, count: u64, alignment: u64) -> Result<Tensors, Invalid> {
    let mut names = HashSet::new();
    let mut places = Vec::new();
    let mut tensors = Tensors { parameters: 0, embedding_rows: None };
    for _ in 0..count {
        let at = cursor.position();
        let tensor = read_tensor(cursor, alignment)?;
        tensors.parameters = tensors
            .parameters
            .checked_add(tensor.elements)
            .ok_or_else(|| Invalid::new("overflow", at, "its parameters cannot be counted"))?;
        if tensor.name == "token_embd.weight" {
            tensors.embedding_rows = Some(tensor.rows);
        }
        places.push((tensor.offset, tensor.size, at));
        if !names.insert(tensor.name) {
            return Err(Invalid::new("duplicate tensor", at, "it names the same tensor twice"));
        }
    }
    check_places(cursor, alignment, places)?;
    Ok(tensors)
}

struct Tensor {
    name: String,
    elements: u64,
    rows: u64,
    offset: u64,
    size: u64,
}

fn read_tensor(cursor: &mut Cursor<'_, impl ReadAt>, alignment: u64) -> Result<Tensor, Invalid> {
    let at = cursor.position();
    let refuse = |check, message: String| Err(Invalid::new(check, at, message));
    let name = cursor.string("tensor name", limits::NAME_BYTES)?;
    let dimensions = cursor.u32("tensor dimensions")?;
    if !limits::DIMENSIONS.contains(&dimensions) {
        return refuse("dimensions", format!("its tensor {name:?} has {dimensions} dimensions"));
    }
    let mut shape = [1_u64; 4];
    for length in shape.iter_mut().take(dimensions as usize) {
        *length = cursor.u64("tensor shape")?;
    }
    let kind = cursor.u32("tensor type")?;
    let offset = cursor.u64("tensor offset")?;
    let Some((block, block_bytes)) = block_of(kind) else {
        return refuse("tensor type", format!("its tensor {name:?} has the unknown type {kind}"));
    };
    let Some(elements) =
        shape.iter().try_fold(1_u64, |product, length| product.checked_mul(*length)).filter(|product| *product > 0)
    else {
        return refuse("shape", format!("its tensor {name:?} has an impossible shape"));
    };
    if shape[0] % block != 0 {
        return refuse("shape", format!("a row of its tensor {name:?} is not a whole number of blocks"));
    }
    let Some(size) = (elements / block).checked_mul(block_bytes) else {
        return refuse("overflow", format!("the size of its tensor {name:?} overflows"));
    };
    if offset % alignment != 0 {
        return refuse("alignment", format!("its tensor {name:?} does not lie on a boundary of {alignment} bytes"));
    }
    Ok(Tensor { name, elements, rows: shape[1], offset, size })
}

/// The data begins at the next boundary after the header; everything must fit behind it, side by side.
fn check_places(
    cursor: &Cursor<'_, impl ReadAt>,
    alignment: u64,
    mut places: Vec<(u64, u64, u64)>,
) -> Result<(), Invalid> {
    let start = cursor.position().next_multiple_of(alignment);
    let room = cursor.file_length().saturating_sub(start);
    places.sort_unstable();
    let mut free_from = 0;
    for (offset, size, at) in places {
        let end = offset.checked_add(size).filter(|end| *end <= room);
        let Some(end) = end else {
            let message = format!(
                "the file ends too early: a tensor of {size} bytes at {offset} does not fit into {room} bytes of data"
            );
            return Err(Invalid::new("length", at, message));
        };
        if offset < free_from {
            return Err(Invalid::new("overlap", at, "two of its tensors overlap"));
        }
        free_from = end;
    }
    Ok(())
}

/// How many values share a block, and how many bytes the block takes. The one size table of the house.
fn block_of(kind: u32) -> Option<(u64, u64)> {
    Some(match kind {
        0 | 26 => (1, 4),      // F32, I32
        1 | 25 | 30 => (1, 2), // F16, I16, BF16
        2 | 20 => (32, 18),    // Q4_0, IQ4_NL
        3 => (32, 20),         // Q4_1
        6 => (32, 22),         // Q5_0
        7 => (32, 24),         // Q5_1
        8 => (32, 34),         // Q8_0
        9 => (32, 36),         // Q8_1
        10 => (256, 84),       // Q2_K
        11 | 21 => (256, 110), // Q3_K, IQ3_S
        12 => (256, 144),      // Q4_K
        13 => (256, 176),      // Q5_K
        14 => (256, 210),      // Q6_K
        15 => (256, 292),      // Q8_K
        16 | 35 => (256, 66),  // IQ2_XXS, TQ2_0
        17 => (256, 74),       // IQ2_XS
        18 => (256, 98),       // IQ3_XXS
        19 => (256, 50),       // IQ1_S
        22 => (256, 82),       // IQ2_S
        23 => (256, 136),      // IQ4_XS
        24 => (1, 1),          // I8
        27 | 28 => (1, 8),     // I64, F64
        29 => (256, 56),       // IQ1_M
        34 => (256, 54),       // TQ1_0
        39 => (32, 17),        // MXFP4
        40 => (64, 36),        // NVFP4
        41 => (128, 18),       // Q1_0
        42 => (64, 18),        // Q2_0
        _ => return None,
    })
}
