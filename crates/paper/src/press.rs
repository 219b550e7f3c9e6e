//! The engine that sets papers. Built once and kept: reading the fonts costs more than a paper.

use std::path::PathBuf;
use std::sync::Arc;

use anju_domain::clock::at_hour;
use anju_vault::eseal::ESeal;
use typst::diag::{SourceDiagnostic, Warned};
use typst::foundations::{Dict, Value};
use typst::text::Font;
use typst_as_lib::{TypstAsLibError, TypstEngine};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards};

use crate::decree::{self, DecreeData};
use crate::font::{self, Faces};
use crate::receipt::{self, ReceiptData};
use crate::sheet::{self, SheetData};
use crate::stamp;

/// Why there is no paper.
#[derive(Debug, thiserror::Error)]
pub enum PaperError {
    /// A font folder or file cannot be read.
    #[error("reading the font {path}")]
    Font {
        /// The folder or file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// None of the folders holds a font for simplified Chinese.
    #[error(
        "no Noto Sans CJK SC, Noto Sans SC or Source Han Sans SC in {folders:?}; on Debian: apt install fonts-noto-cjk"
    )]
    NoFont {
        /// Where it was looked for.
        folders: Vec<PathBuf>,
    },
    /// A text holds characters that the font lacks. Their code points, not the text, which may be a name.
    #[error("the font has no glyph for {}", code_points(.0))]
    MissingGlyph(Vec<char>),
    /// The text does not fit on the pages that its paper may have.
    #[error("the paper takes {0} pages")]
    TooLong(usize),
    /// The verification address is too long for a QR code.
    #[error("the address does not fit into a QR code")]
    QrCode(#[source] qrcode::types::QrError),
    /// The paper cannot be sealed: a mistake of ours, or certificates that are too long.
    #[error("sealing the paper: {0}")]
    Seal(String),
    /// The template is wrong, or the PDF does not hold its standard: a mistake of ours.
    #[error("setting the paper: {}", .0.join("; "))]
    Template(Vec<String>),
}

/// Sets papers. Safe to share between threads; about 40 MB while it lives, so open it when it is first needed.
pub struct Press {
    engine: TypstEngine,
    fonts: Vec<Font>,
    family: &'static str,
    standards: PdfStandards,
    seal: Arc<ESeal>,
}

/// What the templates share.
const SEAL: (&str, &str) = ("seal.typ", include_str!("../templates/seal.typ"));

/// How many papers typst's cache outlives: a template is parsed and laid out once, and memory stays bounded.
const CACHED_PAPERS: usize = 16;

/// A statement of a long life fits; a mistake that fills reams does not.
pub const MOST_PAGES: usize = 12;

impl Press {
    /// Where Debian keeps its Chinese fonts.
    pub const SYSTEM_FONTS: &str = "/usr/share/fonts/opentype/noto";

    /// Opens a press with the fonts of these folders; what it sets bears this seal.
    ///
    /// # Errors
    /// A folder cannot be read or holds no font for simplified Chinese.
    pub fn open(font_folders: &[PathBuf], seal: Arc<ESeal>) -> Result<Self, PaperError> {
        let Faces { family, fonts } = font::find(font_folders)?;
        let engine = TypstEngine::builder()
            .with_static_source_file_resolver([
                (receipt::FILE, receipt::TEMPLATE),
                (sheet::FILE, sheet::TEMPLATE),
                (decree::FILE, decree::TEMPLATE),
                SEAL,
            ])
            .fonts(fonts.iter().cloned())
            .comemo_evict_max_age(Some(CACHED_PAPERS))
            .build();
        let standards = PdfStandards::new(&[PdfStandard::A_2u])
            .map_err(|fault| PaperError::Template(vec![fault.message().to_string()]))?;
        Ok(Self {
            engine,
            fonts,
            family,
            standards,
            seal,
        })
    }

    /// 业务回单: the receipt of a withdrawal on one A5 sheet, as PDF/A-2u.
    ///
    /// # Errors
    /// A character without a glyph, more text than fits, an address too long for a QR code.
    pub fn receipt(&self, data: &ReceiptData) -> Result<Vec<u8>, PaperError> {
        let paper = self.set(receipt::FILE, receipt::inputs(data)?, 1)?;
        stamp::stamp(paper, &self.seal, &data.centre, data.issued_at)
    }

    /// 证明、对账单: facts and tables on A4 sheets, as PDF/A-2u.
    ///
    /// # Errors
    /// As [`receipt`](Self::receipt); more than [`MOST_PAGES`] pages.
    pub fn sheet(&self, data: &SheetData) -> Result<Vec<u8>, PaperError> {
        let paper = self.set(sheet::FILE, sheet::inputs(data)?, MOST_PAGES)?;
        stamp::stamp(paper, &self.seal, &data.centre, data.issued_at)
    }

    /// 执法文书: a notice or decision on A4 sheets, as PDF/A-2u.
    ///
    /// # Errors
    /// A character without a glyph, more pages than a decision may have.
    pub fn decree(&self, data: &DecreeData) -> Result<Vec<u8>, PaperError> {
        let paper = self.set(decree::FILE, decree::inputs(data)?, decree::MOST_PAGES)?;
        if !data.in_force {
            return Ok(paper);
        }
        let day = at_hour(data.issued_on, 0).expect("a day has a midnight in Shanghai");
        stamp::stamp(paper, &self.seal, &data.centre, day)
    }

    fn set(
        &self,
        template: &'static str,
        mut inputs: Dict,
        most_pages: usize,
    ) -> Result<Vec<u8>, PaperError> {
        let text: String = inputs.iter().map(|(_, value)| text_of(value)).collect();
        let mut missing = font::missing(&self.fonts, &text);
        if !missing.is_empty() {
            missing.sort_unstable();
            missing.dedup();
            return Err(PaperError::MissingGlyph(missing));
        }
        inputs.insert("family".into(), Value::Str(self.family.into()));
        let Warned { output, warnings } = self.engine.compile_with_input(template, inputs);
        let document: PagedDocument = output.map_err(|fault| match fault {
            TypstAsLibError::TypstSource(faults) => PaperError::Template(messages(&faults)),
            other => PaperError::Template(vec![other.to_string()]),
        })?;
        if !warnings.is_empty() {
            return Err(PaperError::Template(messages(&warnings)));
        }
        let pages = document.pages().len();
        if pages > most_pages {
            return Err(PaperError::TooLong(pages));
        }
        let options = PdfOptions {
            standards: self.standards.clone(),
            ..PdfOptions::default()
        };
        typst_pdf::pdf(&document, &options)
            .map_err(|faults| PaperError::Template(messages(&faults)))
    }
}

impl std::fmt::Debug for Press {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Press")
            .field("family", &self.family)
            .finish_non_exhaustive()
    }
}

/// All text inside of an input value.
fn text_of(value: &Value) -> String {
    match value {
        Value::Str(text) => text.to_string(),
        Value::Array(items) => items.iter().map(text_of).collect(),
        Value::Dict(fields) => fields.iter().map(|(_, value)| text_of(value)).collect(),
        _ => String::new(),
    }
}

fn messages(faults: &[SourceDiagnostic]) -> Vec<String> {
    faults
        .iter()
        .map(|fault| fault.message.to_string())
        .collect()
}

fn code_points(chars: &[char]) -> String {
    chars
        .iter()
        .map(|c| format!("U+{:04X}", u32::from(*c)))
        .collect::<Vec<_>>()
        .join(", ")
}
