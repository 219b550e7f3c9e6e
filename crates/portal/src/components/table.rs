//! 表格: a native table with fixed head and totals, in a region that scrolls alone. On a phone rows become cards.
//! Each row has one link; no `role=grid`, no script needed.

use anju_domain::money::Fen;
use askama::Template;

use super::{State, Text, prints_itself};

/// A column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its head.
    pub head: String,
    /// Figures stand at the right, digits of equal width.
    pub figures: bool,
    /// The list is sorted by it, upwards.
    pub sorted: bool,
}

impl Column {
    /// A column of words.
    pub fn words(head: impl Into<String>) -> Column {
        Column {
            head: head.into(),
            figures: false,
            sorted: false,
        }
    }

    /// A column of figures.
    pub fn figures(head: impl Into<String>) -> Column {
        Column {
            figures: true,
            ..Column::words(head)
        }
    }

    /// The column that orders the list.
    #[must_use]
    pub fn sorted(mut self) -> Column {
        self.sorted = true;
        self
    }
}

/// A cell.
#[derive(Debug, Clone)]
pub struct Cell {
    text: Text,
    faint: bool,
    digits: bool,
    href: Option<String>,
    span: usize,
}

impl Cell {
    /// Words.
    pub fn new(text: impl Into<Text>) -> Cell {
        Cell {
            text: text.into(),
            faint: false,
            digits: false,
            href: None,
            span: 1,
        }
    }

    /// Figures of equal width that stand at the left: dates, codes.
    pub fn digits(text: impl Into<Text>) -> Cell {
        Cell {
            digits: true,
            ..Cell::new(text)
        }
    }

    /// An amount; the head names the unit.
    #[must_use]
    pub fn amount(amount: Fen) -> Cell {
        Cell {
            faint: amount == Fen::ZERO,
            ..Cell::new(super::figure(amount))
        }
    }

    /// An amount that may be no amount at all: `—`.
    #[must_use]
    pub fn maybe(amount: Option<Fen>) -> Cell {
        amount.map_or_else(Cell::none, Cell::amount)
    }

    /// How many, in groups of three digits.
    #[must_use]
    pub fn count(many: i64) -> Cell {
        // A whole number of yuan is written with the same groups.
        let yuan = Fen::new(many.saturating_mul(100)).to_string();
        Cell {
            faint: many == 0,
            ..Cell::new(yuan.strip_suffix(".00").unwrap_or(&yuan))
        }
    }

    /// Not applicable: `—`.
    #[must_use]
    pub fn none() -> Cell {
        Cell {
            faint: true,
            ..Cell::new("—")
        }
    }

    /// Nobody could tell us yet: 待核实, never 0.00.
    #[must_use]
    pub fn unverified() -> Cell {
        Cell {
            faint: true,
            ..Cell::new("待核实")
        }
    }

    /// A state.
    #[must_use]
    pub fn state(state: &State) -> Cell {
        Cell::new(Text::new().state(state))
    }

    /// The row's one link.
    #[must_use]
    pub fn link(mut self, href: impl Into<String>) -> Cell {
        self.href = Some(href.into());
        self
    }

    /// Reaches over several columns.
    #[must_use]
    pub fn span(mut self, columns: usize) -> Cell {
        self.span = columns;
        self
    }

    /// Of less weight.
    #[must_use]
    pub fn faint(mut self) -> Cell {
        self.faint = true;
        self
    }
}

/// A row.
#[derive(Debug, Clone, Default)]
pub struct Line {
    /// Its cells; the first is its head.
    pub cells: Vec<Cell>,
    /// `first`, `sub`, `group`: levels of an account table.
    pub class: &'static str,
    /// The one that the side panel shows.
    pub current: bool,
}

impl Line {
    /// A row.
    #[must_use]
    pub fn new(cells: Vec<Cell>) -> Line {
        Line {
            cells,
            ..Line::default()
        }
    }

    /// A row of a level.
    #[must_use]
    pub fn level(class: &'static str, cells: Vec<Cell>) -> Line {
        Line {
            cells,
            class,
            current: false,
        }
    }

    /// The one in the side panel.
    #[must_use]
    pub fn current(mut self, current: bool) -> Line {
        self.current = current;
        self
    }
}

/// 上一页 and 下一页: by key, without page numbers.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "components/pager.html")]
pub struct Pager {
    /// What orders the list, or that there is no more.
    pub note: String,
    /// The page before.
    pub before: Option<String>,
    /// The page after.
    pub after: Option<String>,
}

/// 看哪些: a small set of views of one list.
#[derive(Debug, Clone, Template)]
#[template(path = "components/tabs.html")]
pub struct Tabs {
    /// What is chosen.
    pub label: String,
    /// Address, words, and whether it is the one in sight.
    pub tabs: Vec<(String, Text, bool)>,
}

/// A table in its scrolling region.
#[derive(Debug, Clone, Template)]
#[template(path = "components/table.html")]
pub struct Table {
    id: &'static str,
    caption: String,
    class: &'static str,
    columns: Vec<Column>,
    lines: Vec<Line>,
    totals: Vec<Line>,
    empty: Text,
    pager: Option<Pager>,
    fits: bool,
    keys: bool,
    groups: Vec<(String, usize)>,
}

impl Table {
    /// A table; `caption` is read to screen readers and names the region.
    pub fn new(
        id: &'static str,
        caption: impl Into<String>,
        columns: Vec<Column>,
        lines: Vec<Line>,
    ) -> Table {
        Table {
            id,
            caption: caption.into(),
            class: "",
            columns,
            lines,
            totals: Vec::new(),
            empty: Text::from("没有可以列出的。"),
            pager: None,
            fits: false,
            keys: false,
            groups: Vec::new(),
        }
    }

    /// With total rows that stay in sight.
    #[must_use]
    pub fn totals(mut self, totals: Vec<Line>) -> Table {
        self.totals = totals;
        self
    }

    /// What is said where no row is.
    #[must_use]
    pub fn empty(mut self, words: impl Into<Text>) -> Table {
        self.empty = words.into();
        self
    }

    /// Rows become cards on a phone.
    #[must_use]
    pub fn cards(mut self) -> Table {
        self.class = " cards";
        self
    }

    /// `queue`, `tb`, `match`: the dense tables of the desk.
    #[must_use]
    pub fn dense(mut self, class: &'static str) -> Table {
        self.class = class;
        self
    }

    /// As high as the screen lets it, head and totals fixed.
    #[must_use]
    pub fn fits(mut self) -> Table {
        self.fits = true;
        self
    }

    /// Rows are moved through by `j` and `k`.
    #[must_use]
    pub fn keys(mut self) -> Table {
        self.keys = true;
        self
    }

    /// 上一页 goes to the first page, 下一页 to the next; no pager where all is in sight.
    #[must_use]
    pub fn paged(self, first: Option<String>, next: Option<String>) -> Table {
        if first.is_none() && next.is_none() {
            return self;
        }
        self.pager(Pager {
            note: String::new(),
            before: first,
            after: next,
        })
    }

    /// With pages.
    #[must_use]
    pub fn pager(mut self, pager: Pager) -> Table {
        self.pager = Some(pager);
        self
    }

    /// With a row of heads above the heads, each over so many columns; the first column and the last keep one head.
    #[must_use]
    pub fn groups(mut self, groups: Vec<(String, usize)>) -> Table {
        self.groups = groups;
        self
    }

    fn heads_below(&self) -> &[Column] {
        &self.columns[1..self.columns.len() - 1]
    }

    fn first_head(&self) -> &str {
        self.columns
            .first()
            .map_or("", |column| column.head.as_str())
    }

    fn last_head(&self) -> &str {
        self.columns
            .last()
            .map_or("", |column| column.head.as_str())
    }

    /// The cells of a row, each with the column in which it begins.
    fn placed<'a>(&'a self, line: &'a Line) -> Vec<Placed<'a>> {
        let mut at = 0;
        line.cells
            .iter()
            .map(|cell| {
                let column = self.columns.get(at);
                let placed = Placed {
                    cell,
                    is_head: at == 0,
                    figures: cell.span == 1 && column.is_some_and(|column| column.figures),
                    head: column.map_or("", |column| column.head.as_str()),
                };
                at += cell.span;
                placed
            })
            .collect()
    }
}

/// A cell in its column.
struct Placed<'a> {
    cell: &'a Cell,
    is_head: bool,
    figures: bool,
    head: &'a str,
}

prints_itself!(Table, Pager, Tabs);
