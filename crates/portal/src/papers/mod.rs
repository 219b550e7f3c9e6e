//! Papers: documents set as PDF, for pages and doors alike. What a document says comes from its row alone, so that a paper that is fetched
//! again is the paper that was issued. Read `draw.rs` for its words.

pub(crate) mod check;
mod draw;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use anju_casework::document::{self, Document};
use anju_casework::{Fault, Office, Result};
use anju_paper::{DecreeData, PaperError, Press, ReceiptData, SheetData};
use anju_vault::eseal::ESeal;

pub(crate) use draw::{Drawn, drawn, entry_words, title};

/// Sets papers. Cheap to clone; the press is opened by the first that is asked for.
#[derive(Clone)]
pub struct Printer {
    press: Arc<OnceLock<Press>>,
    seal: Arc<ESeal>,
    public: Arc<str>,
}

impl Printer {
    /// `public` is the centre's address as everybody reaches it, without a slash at its end; `seal` stands on every paper.
    #[must_use]
    pub fn new(public: &str, seal: ESeal) -> Self {
        Self {
            press: Arc::default(),
            seal: Arc::new(seal),
            public: public.into(),
        }
    }

    /// Where codes are typed.
    pub(crate) fn verify_page(&self) -> String {
        format!("{}/verify-document", self.public)
    }

    /// Where the QR code of a document leads.
    pub(crate) fn verify_url(&self, document: &Document) -> String {
        format!("{}?code={}", self.verify_page(), document.code)
    }

    /// The certificates of the seal as PEM.
    pub(crate) fn certificates(&self) -> String {
        self.seal.certificates()
    }

    /// A document as PDF.
    pub(crate) async fn document(&self, office: &Office, document: &Document) -> Result<Vec<u8>> {
        let Drawn {
            title,
            lead,
            facts,
            tables,
            notes,
        } = drawn(&document.kind, &document.data(office)?)?;
        let data = SheetData {
            centre: office.centre.name.clone(),
            title,
            lead,
            facts,
            tables,
            notes,
            code: document.code.clone(),
            verify_page: self.verify_page(),
            verify_url: self.verify_url(document),
            issued_at: document.issued_at,
            valid_until: document.valid_until,
        };
        let file = self.set(move |press| press.sheet(&data)).await?;
        document::note_copy(office, document.document_id, &file).await?;
        Ok(file)
    }

    /// The receipt that a document is, as PDF.
    pub(crate) async fn receipt(
        &self,
        office: &Office,
        document: &Document,
        data: ReceiptData,
    ) -> Result<Vec<u8>> {
        let file = self.set(move |press| press.receipt(&data)).await?;
        document::note_copy(office, document.document_id, &file).await?;
        Ok(file)
    }

    /// A paper of enforcement as PDF.
    pub(crate) async fn decree(&self, data: DecreeData) -> Result<Vec<u8>> {
        self.set(move |press| press.decree(&data)).await
    }

    /// Setting a paper takes the processor for some milliseconds; the first one also reads the fonts.
    async fn set(
        &self,
        set: impl FnOnce(&Press) -> std::result::Result<Vec<u8>, PaperError> + Send + 'static,
    ) -> Result<Vec<u8>> {
        let (press, seal) = (self.press.clone(), self.seal.clone());
        let work = move || {
            let press = match press.get() {
                Some(press) => press,
                None => {
                    let opened = Press::open(&[PathBuf::from(Press::SYSTEM_FONTS)], seal)?;
                    press.get_or_init(|| opened)
                }
            };
            set(press)
        };
        let paper = tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| Fault::Outside(error.to_string()))?;
        Ok(paper.map_err(|error| Fault::Outside(error.to_string()))?)
    }
}
