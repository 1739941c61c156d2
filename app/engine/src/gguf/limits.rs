//! Every limit of the GGUF reader in one place. Real files are far below all of them.

use std::ops::RangeInclusive;

pub(super) const VERSIONS: RangeInclusive<u32> = 2..=3;
pub(super) const TENSORS: u64 = 65_536;
pub(super) const ENTRIES: u64 = 65_536;
pub(super) const NAME_BYTES: u64 = 1024;
pub(super) const STRING_BYTES: u64 = 16 << 20;
pub(super) const ARRAY_ELEMENTS: u64 = 16 << 20;
pub(super) const NESTING: u32 = 4;
pub(super) const DIMENSIONS: RangeInclusive<u32> = 1..=4;
pub(super) const ALIGNMENTS: RangeInclusive<u64> = 8..=65_536;
pub(super) const HEADER_BYTES: u64 = 256 << 20;
pub(super) const TEMPLATE_BYTES: u64 = 256 << 10;
/// Strings longer than this are only counted; none that we look at is longer, save the template.
pub(super) const KEPT_STRING_BYTES: u64 = 4096;
/// Per-layer lists of numbers are kept up to this many; longer ones are only counted.
pub(super) const KEPT_NUMBERS: u64 = 4096;

pub(super) const LAYERS: RangeInclusive<u64> = 1..=4096;
pub(super) const CONTEXT: RangeInclusive<u64> = 1..=1 << 28;
pub(super) const EMBEDDING: RangeInclusive<u64> = 1..=1 << 20;
pub(super) const FEED_FORWARD: RangeInclusive<u64> = 1..=1 << 24;
pub(super) const HEADS: RangeInclusive<u64> = 1..=65_536;
pub(super) const VOCABULARY: RangeInclusive<u64> = 1..=ARRAY_ELEMENTS;
