//! The fonts that papers are set in: one sans family of simplified Chinese in two weights.

use std::fs;
use std::path::{Path, PathBuf};

use typst::foundations::Bytes;
use typst::text::Font;

use crate::PaperError;

/// The families that templates may be set in, the first that is there; the same design under the names of its
/// distributors. A Japanese or traditional face of one file is left out: its glyph forms differ.
const FAMILIES: [&str; 3] = ["Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC"];

/// Files worth opening, so that a folder of all the system's fonts is not read whole.
const FILES: [&str; 3] = ["NotoSansCJK", "NotoSansSC", "SourceHanSansSC"];
const WEIGHTS: [&str; 2] = ["-Regular.", "-Bold."];

/// The family that was found and its faces.
pub(crate) struct Faces {
    pub(crate) family: &'static str,
    pub(crate) fonts: Vec<Font>,
}

/// Reads the faces of the first family that one of the folders holds.
pub(crate) fn find(folders: &[PathBuf]) -> Result<Faces, PaperError> {
    let mut faces = Vec::new();
    for folder in folders {
        for path in font_files(folder)? {
            let data = fs::read(&path).map_err(|source| PaperError::Font { path, source })?;
            faces.extend(Font::iter(Bytes::new(data)));
        }
    }
    for family in FAMILIES {
        let fonts: Vec<Font> = faces
            .iter()
            .filter(|face| face.info().family == family)
            .cloned()
            .collect();
        if !fonts.is_empty() {
            return Ok(Faces { family, fonts });
        }
    }
    Err(PaperError::NoFont {
        folders: folders.to_vec(),
    })
}

fn font_files(folder: &Path) -> Result<Vec<PathBuf>, PaperError> {
    let fault = |source| PaperError::Font {
        path: folder.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        let wanted = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| {
                FILES.iter().any(|file| name.starts_with(file))
                    && WEIGHTS.iter().any(|weight| name.contains(weight))
            });
        if wanted {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The characters of a text for which a face has no glyph.
pub(crate) fn missing(fonts: &[Font], text: &str) -> Vec<char> {
    let lacks = |c: char| {
        fonts
            .iter()
            .any(|font| !font.info().coverage.contains(u32::from(c)))
    };
    text.chars()
        .filter(|c| !c.is_control() && lacks(*c))
        .collect()
}
