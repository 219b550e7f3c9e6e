//! The container of a roster, opened as if it came from an enemy: what it claims is not believed, what it
//! holds is measured while it is inflated.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Cursor, Read};

use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::refusal::Refusal;

/// The largest file that is looked at, 20 MB.
pub const MAX_PACKED_BYTES: usize = 20 << 20;
/// The largest sum of all parts once inflated, 200 MB.
pub const MAX_UNPACKED_BYTES: u64 = 200 << 20;
/// A workbook has a few dozen parts; a directory of millions only costs memory.
const MAX_PARTS: usize = 2_000;
/// The longest tag or text in a part: a cell holds at most 32,767 characters.
const MAX_EVENT_BYTES: usize = 1 << 20;

const OLE_MAGIC: &[u8] = &[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];

/// An open workbook container.
pub(super) struct Package<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    /// Parts by their name in lower case with forward slashes: writers differ in both.
    parts: HashMap<String, usize>,
    read: Vec<bool>,
    left_bytes: Cell<u64>,
}

impl<'a> Package<'a> {
    /// Opens the container and looks at its directory.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, Refusal> {
        if bytes.len() > MAX_PACKED_BYTES {
            return Err(Refusal::TooLargePacked);
        }
        if bytes.starts_with(OLE_MAGIC) {
            return Err(if contains_utf16(bytes, "EncryptedPackage") {
                Refusal::Encrypted
            } else {
                Refusal::NotXlsx("旧版 Excel（.xls）或其他 Office 旧格式")
            });
        }
        if !bytes.starts_with(b"PK\x03\x04") {
            return Err(Refusal::NotXlsx(kind_of(bytes)));
        }
        let entries = directory_entries(bytes).ok_or(Refusal::Damaged("压缩包目录缺失"))?;
        if entries > MAX_PARTS {
            return Err(Refusal::Damaged("压缩包里的部件过多"));
        }
        let mut archive = ZipArchive::new(Cursor::new(bytes))
            .map_err(|_| Refusal::Damaged("压缩包目录无法读取"))?;
        // Two entries of one name are read differently by different programs.
        if archive.len() != entries || archive.has_overlapping_files().unwrap_or(true) {
            return Err(Refusal::Damaged("压缩包里的部件重复或重叠"));
        }
        let mut parts = HashMap::with_capacity(entries);
        let mut claimed_bytes: u64 = 0;
        for index in 0..entries {
            let entry = archive
                .by_index_raw(index)
                .map_err(|_| Refusal::Damaged("压缩包目录无法读取"))?;
            if entry.encrypted() {
                return Err(Refusal::Encrypted);
            }
            if !matches!(
                entry.compression(),
                CompressionMethod::Stored | CompressionMethod::Deflated
            ) {
                return Err(Refusal::Damaged("使用了 Excel 不支持的压缩方式"));
            }
            claimed_bytes = claimed_bytes.saturating_add(entry.size());
            if parts.insert(part_name(entry.name()), index).is_some() {
                return Err(Refusal::Damaged("压缩包里的部件重复或重叠"));
            }
        }
        if claimed_bytes > MAX_UNPACKED_BYTES {
            return Err(Refusal::TooLargeUnpacked);
        }
        Ok(Self {
            archive,
            parts,
            read: vec![false; entries],
            left_bytes: Cell::new(MAX_UNPACKED_BYTES),
        })
    }

    /// The names of all parts, in lower case.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.keys().map(String::as_str)
    }

    /// Whether a part is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.parts.contains_key(&part_name(name))
    }

    /// A part as a measured stream.
    pub(super) fn part(&mut self, name: &str) -> Result<Metered<'_, impl Read>, Refusal> {
        let index = *self
            .parts
            .get(&part_name(name))
            .ok_or(Refusal::Damaged("缺少必要的部件"))?;
        self.read[index] = true;
        let inner = self.archive.by_index(index).map_err(|error| match error {
            ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => Refusal::Encrypted,
            _ => Refusal::Damaged("部件无法解压"),
        })?;
        Ok(Metered {
            inner: BufReader::with_capacity(64 << 10, inner),
            left_bytes: &self.left_bytes,
            event_bytes: 0,
        })
    }

    /// Inflates what nobody read, so that a bomb or a damage in a corner is found too.
    pub(super) fn inflate_rest(mut self) -> Result<(), Refusal> {
        let rest: Vec<String> = self
            .parts
            .iter()
            .filter(|(_, index)| !self.read[**index])
            .map(|(name, _)| name.clone())
            .collect();
        for name in rest {
            let mut part = self.part(&name)?;
            loop {
                part.next_event();
                let length = part
                    .fill_buf()
                    .map_err(|error| Refusal::of_io(&error))?
                    .len();
                if length == 0 {
                    break;
                }
                part.consume(length);
            }
        }
        Ok(())
    }
}

/// A stream that counts what comes out of it, over the whole package and since the last event.
pub(super) struct Metered<'m, R> {
    inner: BufReader<R>,
    left_bytes: &'m Cell<u64>,
    event_bytes: usize,
}

impl<R> Metered<'_, R> {
    /// A new tag or text begins.
    pub(super) fn next_event(&mut self) {
        self.event_bytes = 0;
    }
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(out)?;
        self.consume(length);
        Ok(length)
    }
}

impl<R: Read> BufRead for Metered<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.event_bytes > MAX_EVENT_BYTES {
            return Err(io::Error::other(Refusal::Damaged("有超长的内容")));
        }
        if self.left_bytes.get() == 0 {
            return Err(io::Error::other(Refusal::TooLargeUnpacked));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, length: usize) {
        self.event_bytes += length;
        self.left_bytes
            .set(self.left_bytes.get().saturating_sub(length as u64));
        self.inner.consume(length);
    }
}

fn part_name(name: &str) -> String {
    name.replace('\\', "/")
        .trim_start_matches('/')
        .to_lowercase()
}

/// The number of entries that the end record of a zip names; nothing for a truncated file and for ZIP64,
/// which no workbook of this size needs.
fn directory_entries(bytes: &[u8]) -> Option<usize> {
    const END_RECORD_BYTES: usize = 22;
    let tail = &bytes[bytes.len().saturating_sub(END_RECORD_BYTES + 0xFFFF)..];
    let at = (0..=tail.len().checked_sub(END_RECORD_BYTES)?)
        .rev()
        .find(|at| tail[*at..].starts_with(b"PK\x05\x06"))?;
    let entries = usize::from(u16::from_le_bytes([tail[at + 10], tail[at + 11]]));
    (entries < 0xFFFF).then_some(entries)
}

fn contains_utf16(bytes: &[u8], word: &str) -> bool {
    let needle: Vec<u8> = word.encode_utf16().flat_map(u16::to_le_bytes).collect();
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// What a file that is no zip seems to be, for the message.
fn kind_of(bytes: &[u8]) -> &'static str {
    let head = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let head = head[..head.len().min(256)]
        .trim_ascii_start()
        .to_ascii_lowercase();
    match head.as_slice() {
        [] => "空文件",
        head if head.starts_with(b"%pdf") => "PDF",
        head if head.starts_with(b"<") => "网页或 XML 文本",
        head if head.starts_with(b"{\\rtf") => "RTF 文档",
        head if head.starts_with(b"rar!") || head.starts_with(b"7z\xBC\xAF") => "压缩包",
        head if !head.contains(&0) && head.iter().any(|b| matches!(b, b',' | b'\t' | b';')) => {
            "CSV 或纯文本"
        }
        _ => "无法识别的格式",
    }
}
