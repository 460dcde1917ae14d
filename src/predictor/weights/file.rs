//! The bytes of a model file. Whatever they are, reading them takes memory for what the file holds
//! and no more.
//!
//! ```text
//! 0   8  magic "KORACLE\n"
//! 8   4  format version, u32 LE
//! 12  4  header length n, u32 LE
//! 16  n  header, JSON: configuration, feature layout, names and shapes, provenance
//! ..     tensors in the header's order, f32 LE, row-major
//! -8  8  xxh3 of everything before, u64 LE
//! ```

use super::{ModelConfig, Problem, Provenance, VERSION, Weights};
use crate::features::layout_hash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64;

const MAGIC: &[u8; 8] = b"KORACLE\n";
const START: usize = 16;

#[derive(Serialize, Deserialize)]
struct Header {
    config: ModelConfig,
    layout_hash: u64,
    tensors: Vec<(String, Vec<usize>)>,
    provenance: Provenance,
}

impl Weights {
    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let tensors = self.config.shapes();
        let header = Header {
            config: self.config,
            layout_hash: layout_hash(),
            tensors: tensors.clone(),
            provenance: self.provenance.clone(),
        };
        // A header of plain numbers and strings always has a JSON form.
        let header = serde_json::to_vec(&header).unwrap_or_default();
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend((header.len() as u32).to_le_bytes());
        bytes.extend(header);
        for (name, _) in &tensors {
            bytes.extend(self.get(name).iter().flat_map(|x| x.to_le_bytes()));
        }
        let sum = xxh3_64(&bytes);
        bytes.extend(sum.to_le_bytes());
        bytes
    }

    /// Reads a file's bytes; the error is the byte and the problem.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, (u64, Problem)> {
        let data = header_end(bytes)?;
        let header = bytes.get(START..data).ok_or_else(|| headless(bytes))?;
        // A flipped bit in the header makes anything of it: look at the checksum before reporting
        // its consequences.
        let intact = bytes.len() > data + 8 && is_intact(bytes);
        let bad =
            |problem: Problem| (START as u64, if intact { problem } else { Problem::Checksum });
        let header: Header =
            serde_json::from_slice(header).map_err(|e| bad(Problem::Header(e.to_string())))?;
        if !header.config.is_sane() {
            return Err(bad(Problem::Header("a size is out of range".into())));
        }
        let expected = (header.tensors.iter())
            .try_fold(data + 8, |end, (_, shape)| end.checked_add(tensor_bytes(shape)?))
            .ok_or_else(|| bad(Problem::Header("the tensors are larger than any file".into())))?;
        if bytes.len() < expected {
            let expected = expected as u64;
            return Err((bytes.len() as u64, Problem::Truncated { expected }));
        }
        let (whole, more) = bytes.split_at(expected);
        if !is_intact(whole) {
            return Err((expected as u64 - 8, Problem::Checksum));
        }
        if !more.is_empty() {
            return Err((expected as u64, Problem::Longer { more: more.len() as u64 }));
        }
        if header.layout_hash != layout_hash() {
            let (found, expected) = (header.layout_hash, layout_hash());
            return Err((START as u64, Problem::Layout { found, expected }));
        }
        let tensors = tensors(bytes, data, header.tensors)?;
        Self::new(header.config, header.provenance, tensors)
            .map_err(|e| (START as u64, Problem::Header(e.to_string())))
    }
}

/// A problem and the byte where it is.
type At = (u64, Problem);

fn headless(bytes: &[u8]) -> At {
    (bytes.len() as u64, Problem::Headless)
}

/// The last eight bytes are the checksum of those before.
fn is_intact(bytes: &[u8]) -> bool {
    let body = bytes.len().saturating_sub(8);
    bytes[body..] == xxh3_64(&bytes[..body]).to_le_bytes()
}

/// Where the header ends, by what stands before it.
fn header_end(bytes: &[u8]) -> Result<usize, At> {
    let u32_at =
        |at: usize| bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    let known = bytes.len().min(MAGIC.len());
    if bytes[..known] != MAGIC[..known] || bytes.is_empty() {
        return Err((0, Problem::NotAModel));
    }
    let version = u32_at(8).ok_or_else(|| headless(bytes))?;
    if version != VERSION {
        return Err((8, Problem::Version { found: version }));
    }
    Ok(START + u32_at(12).ok_or_else(|| headless(bytes))? as usize)
}

/// The numbers from byte `at` on, by the names and shapes of their tensors: all of them were found
/// to fit.
fn tensors(
    bytes: &[u8],
    mut at: usize,
    list: Vec<(String, Vec<usize>)>,
) -> Result<BTreeMap<String, Vec<f32>>, At> {
    let mut tensors = BTreeMap::new();
    for (name, shape) in list {
        let end = at + tensor_bytes(&shape).unwrap_or(0);
        let floats =
            bytes[at..end].chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        let floats: Vec<f32> = floats.collect();
        let usable = |x: f32| x.is_finite() && (x > 0.0 || name != "temperature");
        if let Some(i) = floats.iter().position(|x| !usable(*x)) {
            let problem = Problem::Number { value: floats[i].to_string(), tensor: name };
            return Err(((at + 4 * i) as u64, problem));
        }
        tensors.insert(name, floats);
        at = end;
    }
    Ok(tensors)
}

/// Length of a tensor in a file.
fn tensor_bytes(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(4_usize, |n, x| n.checked_mul(*x))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with this header and these bytes of tensors, and a checksum that is right.
    fn file(tensors: &str, data: &[u8]) -> Vec<u8> {
        let config = serde_json::to_string(&ModelConfig::default()).unwrap();
        let hash = layout_hash();
        let header = format!(
            r#"{{"config":{config},"layout_hash":{hash},"tensors":{tensors},"provenance":{{}}}}"#
        );
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend((header.len() as u32).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        let sum = xxh3_64(&bytes);
        bytes.extend(sum.to_le_bytes());
        bytes
    }

    #[test]
    fn shapes_that_no_file_can_hold_are_refused_before_anything_is_made_of_them() {
        let wrapping = [
            r#"[["a",[9223372036854775808,2]]]"#,
            r#"[["a",[4294967296,4294967296]]]"#,
            r#"[["a",[4611686018427387904]]]"#,
            r#"[["a",[4611686018427387903]],["b",[4611686018427387903]],["c",[2]]]"#,
            r#"[["a",[0,18446744073709551615]],["b",[18446744073709551615]]]"#,
        ];
        for tensors in wrapping {
            let (at, problem) = Weights::from_bytes(&file(tensors, &[0; 8])).unwrap_err();
            let said = problem.to_string();
            assert!(
                at == START as u64 && said.contains("larger than any file"),
                "{tensors}: {said}"
            );
        }
        // What would fit a file, but not this one.
        let (_, problem) =
            Weights::from_bytes(&file(r#"[["a",[1000000,1000000]]]"#, &[0; 8])).unwrap_err();
        assert!(
            matches!(problem, Problem::Truncated { expected } if expected > 4_000_000_000_000),
            "{problem}"
        );
    }

    #[test]
    fn numbers_that_are_none_are_refused_with_the_name_of_their_tensor() {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let data = [1.0, value].map(f32::to_le_bytes).concat();
            let bytes = file(r#"[["pick.bias",[2]]]"#, &data);
            let (at, problem) = Weights::from_bytes(&bytes).unwrap_err();
            assert_eq!(at as usize, bytes.len() - 12);
            assert!(
                matches!(&problem, Problem::Number { tensor, .. } if tensor == "pick.bias"),
                "{problem}"
            );
        }
        let data = [1.0, 0.0].map(f32::to_le_bytes).concat();
        let (_, problem) =
            Weights::from_bytes(&file(r#"[["temperature",[2]]]"#, &data)).unwrap_err();
        assert!(problem.to_string().contains("temperature"), "{problem}");
    }
}
