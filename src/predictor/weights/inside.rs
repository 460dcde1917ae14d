//! The bundled models as parts of the program, for a binary that was copied away from its project.

use super::Kind;

/// The model file of a kind, as it was in `assets/models` when the program was built.
pub fn model(kind: Kind) -> &'static [u8] {
    match kind {
        Kind::Tcn => include_bytes!("../../../assets/models/tcn.koracle"),
        Kind::Lstm => include_bytes!("../../../assets/models/lstm.koracle"),
        Kind::Mlp => include_bytes!("../../../assets/models/mlp.koracle"),
    }
}
