//! 每个事项办得怎么样：网上办了多少，多快，少跑了多少次腿？ Each figure opens its cases.

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Chart, Flash, Table, Tabs, filters};
use crate::frame::DeskFrame;

/// A choice of the form: value, words, whether it is in sight.
pub type Choice = (String, String, bool);

/// 服务效能.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/services.html")]
pub struct ServicesPage {
    /// Frame.
    pub frame: DeskFrame,
    /// 全中心, or a branch; and the period.
    pub here: String,
    /// What is wrong with the days that were asked for.
    pub mistake: Option<Flash>,
    /// 本月, 今年, …
    pub periods: Vec<Choice>,
    /// First day.
    pub from: String,
    /// Last day.
    pub to: String,
    /// 单位业务, 提取, …
    pub groups: Vec<Choice>,
    /// Branches; none for who sees his own alone.
    pub branches: Vec<Choice>,
    /// All together: name, figure, what it was before.
    pub figures: Vec<(&'static str, String, String)>,
    /// By service.
    pub now: Table,
    /// What nobody used; none where all were.
    pub unused: Option<String>,
    /// The same of the period before.
    pub before: Table,
    /// 上期 with its days.
    pub before_title: String,
    /// Online rate and trips by month.
    pub charts: Vec<Chart>,
    /// Where the file for machines is.
    pub csv: String,
    /// Where the file for a spreadsheet is.
    pub xlsx: String,
    /// What is counted.
    pub note: &'static str,
}

/// The cases behind a figure.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/services_list.html")]
pub struct ServiceCasesPage {
    /// Frame.
    pub frame: DeskFrame,
    /// Which service, which figure, which days.
    pub scope: String,
    /// Other figures of the same service and days.
    pub tabs: Tabs,
    /// A case a line.
    pub table: Table,
    /// Where the figures stand.
    pub back: &'static str,
}
