//! Writes small wheels, good and bad.

use std::io::Write;

use flate2::{Compression, write::DeflateEncoder};

pub(super) struct File<'a> {
    pub(super) name: &'a str,
    pub(super) content: &'a [u8],
    pub(super) deflated: bool,
}

/// A wheel that pip accepts, with `model` inside as `carrier/model.gguf`.
pub(super) fn wheel(model: &[u8]) -> Vec<u8> {
    archive(&[
        File { name: "carrier/__init__.py", content: b"", deflated: false },
        File { name: "carrier/model.gguf", content: model, deflated: true },
        File {
            name: "carrier-1.0.dist-info/METADATA",
            content: b"Metadata-Version: 2.1\nName: carrier\nVersion: 1.0\n",
            deflated: true,
        },
        File {
            name: "carrier-1.0.dist-info/WHEEL",
            content: b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            deflated: true,
        },
        File { name: "carrier-1.0.dist-info/RECORD", content: b"", deflated: false },
    ])
}

pub(super) fn archive(files: &[File<'_>]) -> Vec<u8> {
    let (mut out, mut listing) = (Vec::new(), Vec::new());
    for file in files {
        let packed = if file.deflated { deflate(file.content) } else { file.content.to_vec() };
        let method: u16 = if file.deflated { 8 } else { 0 };
        let mut facts = Vec::new();
        facts.extend(20_u16.to_le_bytes());
        facts.extend(0_u16.to_le_bytes());
        facts.extend(method.to_le_bytes());
        facts.extend([0; 4]);
        facts.extend(crc32fast::hash(file.content).to_le_bytes());
        facts.extend((packed.len() as u32).to_le_bytes());
        facts.extend((file.content.len() as u32).to_le_bytes());
        facts.extend((file.name.len() as u16).to_le_bytes());
        listing.extend(b"PK\x01\x02\x14\x00");
        listing.extend(&facts);
        listing.extend([0; 12]);
        listing.extend((out.len() as u32).to_le_bytes());
        listing.extend(file.name.as_bytes());
        // The header beside the bytes has extras that the listing does not have, as real ones do.
        out.extend(b"PK\x03\x04");
        out.extend(&facts);
        out.extend(4_u16.to_le_bytes());
        out.extend(file.name.as_bytes());
        out.extend([0; 4]);
        out.extend(packed);
    }
    let count = (files.len() as u16).to_le_bytes();
    let end = [
        &b"PK\x05\x06\0\0\0\0"[..],
        &count,
        &count,
        &(listing.len() as u32).to_le_bytes(),
        &(out.len() as u32).to_le_bytes(),
        &[0, 0],
    ];
    out.extend(&listing);
    out.extend(end.concat());
    out
}

fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}
