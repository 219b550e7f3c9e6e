//! 电子签章: puts the centre's electronic seal on a paper that is set. Added behind the paper's own bytes (ISO 32000-2 §12.8, an incremental
//! update), as a certifying signature that allows no change; what the reader sees of the seal is drawn by the templates.

use anju_domain::clock::shanghai;
use anju_vault::eseal::ESeal;
use chrono::{DateTime, Utc};
use lopdf::{
    Dictionary, Document, IncrementalDocument, Object, ObjectId, StringFormat, dictionary,
    text_string,
};

use crate::PaperError;

/// Stands where an offset will stand, and is as wide as one can be.
const OFFSET: i64 = 9_999_999_999;

/// The paper with the seal on it; `at` is when it was issued.
///
/// # Errors
/// The paper is not one of ours; the certificates do not fit into the room for them.
pub(crate) fn stamp(
    paper: Vec<u8>,
    seal: &ESeal,
    centre: &str,
    at: DateTime<Utc>,
) -> Result<Vec<u8>, PaperError> {
    let own = paper.len();
    let room = seal.longest().map_err(fault)?;
    let mut file = with_placeholder(paper, centre, at, room).map_err(fault)?;
    // Offsets are filled in first: they are part of what is signed.
    let hole = place(&file[own..], b"/Contents<").map(|at| own + at);
    let range = place(&file[own..], b"/ByteRange[").map(|at| own + at);
    let (Some(hole), Some(range)) = (hole, range) else {
        return Err(PaperError::Seal("no room for the signature".to_owned()));
    };
    let after = hole + 2 * room + 2;
    let offsets = [0, hole, after, file.len() - after].map(|offset| offset.to_string());
    let width = file[range..]
        .iter()
        .position(|&byte| byte == b']')
        .unwrap_or_default();
    let words = format!("{:width$}", format!("[{}", offsets.join(" ")));
    file[range..range + width].copy_from_slice(words.as_bytes());

    let signature = seal.sign(&[&file[..hole], &file[after..]]).map_err(fault)?;
    if signature.len() > room {
        return Err(PaperError::Seal(format!(
            "the signature takes {} bytes of {room}",
            signature.len()
        )));
    }
    for (at, byte) in signature.iter().enumerate() {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        file[hole + 1 + 2 * at] = DIGITS[usize::from(byte >> 4)];
        file[hole + 2 + 2 * at] = DIGITS[usize::from(byte & 15)];
    }
    Ok(file)
}

/// The paper with an update behind it: a signature of zeros, its field, and the catalogue that knows both.
fn with_placeholder(
    paper: Vec<u8>,
    centre: &str,
    at: DateTime<Utc>,
    room: usize,
) -> Result<Vec<u8>, lopdf::Error> {
    let before = Document::load_mem(&paper)?;
    let catalogue = before.trailer.get(b"Root")?.as_reference()?;
    let first = *before
        .get_pages()
        .values()
        .next()
        .ok_or(lopdf::Error::PageNumberNotFound(1))?;
    let mut update = IncrementalDocument::create_from(paper, before);
    update.opt_clone_object_to_new_document(catalogue)?;
    update.opt_clone_object_to_new_document(first)?;
    let new = &mut update.new_document;
    let signature = new.add_object(signature(centre, at, room));
    let field = new.add_object(field(signature, first));
    let page = new.get_object_mut(first)?.as_dict_mut()?;
    let mut notes = match page.get(b"Annots") {
        Ok(Object::Array(notes)) => notes.clone(),
        _ => Vec::new(),
    };
    notes.push(field.into());
    page.set("Annots", notes);
    let catalogue = new.get_object_mut(catalogue)?.as_dict_mut()?;
    catalogue.set(
        "AcroForm",
        dictionary! { "Fields" => vec![Object::from(field)], "SigFlags" => 3 },
    );
    catalogue.set("Perms", dictionary! { "DocMDP" => signature });
    let mut file = Vec::new();
    update.save_to(&mut file)?;
    Ok(file)
}

fn signature(centre: &str, at: DateTime<Utc>, room: usize) -> Dictionary {
    let no_change = dictionary! {
        "Type" => "SigRef",
        "TransformMethod" => "DocMDP",
        "TransformParams" => dictionary! { "Type" => "TransformParams", "P" => 1, "V" => Object::Name(b"1.2".to_vec()) },
    };
    let mut offsets = vec![Object::Integer(0)];
    offsets.extend([OFFSET; 3].map(Object::Integer));
    dictionary! {
        "Type" => "Sig",
        "Filter" => "Adobe.PPKLite",
        "SubFilter" => "ETSI.CAdES.detached",
        "Name" => text_string(&format!("{centre}电子签章")),
        "M" => Object::string_literal(shanghai(at).format("D:%Y%m%d%H%M%S+08'00'").to_string()),
        "Reference" => vec![Object::Dictionary(no_change)],
        "ByteRange" => offsets,
        "Contents" => Object::String(vec![0; room], StringFormat::Hexadecimal),
    }
}

/// The field of the signature: it takes no place on the page, prints (PDF/A) and is locked.
fn field(signature: ObjectId, page: ObjectId) -> Dictionary {
    dictionary! {
        "Type" => "Annot",
        "Subtype" => "Widget",
        "FT" => "Sig",
        "T" => text_string("eseal"),
        "V" => signature,
        "P" => page,
        "Rect" => vec![Object::Integer(0); 4],
        "F" => 4 + 128,
    }
}

/// Where the last letter of `words` stands first.
fn place(update: &[u8], words: &[u8]) -> Option<usize> {
    let found = update.windows(words.len()).position(|at| at == words)?;
    Some(found + words.len() - 1)
}

fn fault(error: impl std::fmt::Display) -> PaperError {
    PaperError::Seal(error.to_string())
}

#[cfg(test)]
mod tests;
