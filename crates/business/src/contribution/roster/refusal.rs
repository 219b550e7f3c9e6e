//! Why a file is refused whole (整份退回), before any row is looked at.

use std::fmt;
use std::io;

use super::fault::Fault;

/// One reason to refuse a file. The codes stand in one table at the head of [`super`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// E-FILE-01; what it seems to be.
    NotXlsx(&'static str),
    /// E-FILE-02.
    Encrypted,
    /// E-FILE-03.
    Macros,
    /// E-FILE-04.
    Links,
    /// E-FILE-05; what was found.
    Damaged(&'static str),
    /// E-FILE-06.
    TooLargePacked,
    /// E-FILE-07.
    TooLargeUnpacked,
    /// E-FILE-08; the sheet.
    TooManyRows(String),
    /// E-FILE-09; what was found instead.
    NoHeader(String),
    /// E-FILE-10; where the header stands twice.
    HeaderTwice(String),
    /// E-FILE-11; the ranges.
    Merged(String),
    /// E-FILE-12; the sheet.
    Empty(String),
}

impl Refusal {
    /// The reason inside an I/O error of a measured stream; other errors come from a damaged file.
    pub(super) fn of_io(error: &io::Error) -> Self {
        error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Self>())
            .cloned()
            .unwrap_or(Self::Damaged("压缩内容校验不通过"))
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotXlsx(_) => "E-FILE-01",
            Self::Encrypted => "E-FILE-02",
            Self::Macros => "E-FILE-03",
            Self::Links => "E-FILE-04",
            Self::Damaged(_) => "E-FILE-05",
            Self::TooLargePacked => "E-FILE-06",
            Self::TooLargeUnpacked => "E-FILE-07",
            Self::TooManyRows(_) => "E-FILE-08",
            Self::NoHeader(_) => "E-FILE-09",
            Self::HeaderTwice(_) => "E-FILE-10",
            Self::Merged(_) => "E-FILE-11",
            Self::Empty(_) => "E-FILE-12",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotXlsx(kind) => write!(f, "这不是 xlsx 文件（看起来是：{kind}）。请用 Excel 或 WPS 打开后“另存为”Excel 工作簿（.xlsx），再上传。"),
            Self::Encrypted => f.write_str("文件有打开密码，无法读取。请在“文件-信息-保护工作簿”中取消密码，保存后再上传。"),
            Self::Macros => f.write_str("文件带有宏（程序），为了安全不能接收。请“另存为”不带宏的 Excel 工作簿（.xlsx），再上传。"),
            Self::Links => f.write_str("文件链接了其他文件或外部数据。请在“数据-编辑链接”中断开链接，或把内容“选择性粘贴”为数值，再上传。"),
            Self::Damaged(what) => write!(f, "文件已损坏（{what}）。请用 Excel 打开并重新保存，或重新导出后再上传。"),
            Self::TooLargePacked => f.write_str("文件超过 20 MB。请删去图片和无关的工作表，或分批上传。"),
            Self::TooLargeUnpacked => f.write_str("文件解压后超过 200 MB。请删去无关的工作表、空行和格式，再上传。"),
            Self::TooManyRows(sheet) => write!(f, "工作表“{sheet}”超过 50,000 行。请分批上传，每份不超过 50,000 人。"),
            Self::NoHeader(what) => write!(f, "没有找到表头。表头一行里要有“姓名”“证件号码”“缴存基数”。{what}请对照模板改好后再上传。"),
            Self::HeaderTwice(places) => write!(f, "表头出现了不止一次：{places}。一份名册只能有一个表头，请删去多余的再上传。"),
            Self::Merged(ranges) => write!(f, "数据区里有合并单元格：{ranges}。请取消合并，每人占一行，再上传。"),
            Self::Empty(sheet) => write!(f, "工作表“{sheet}”的表头下面没有职工。请填写后再上传。"),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<quick_xml::Error> for Refusal {
    fn from(error: quick_xml::Error) -> Self {
        match error {
            quick_xml::Error::Io(error) => Self::of_io(&error),
            _ => Self::Damaged("内容不是完整的 XML"),
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::whole(refusal.code(), refusal.to_string())
    }
}
