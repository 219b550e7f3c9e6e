//! One cell to one typed value, or to a fault that says what is wrong with it and what to do.

use std::borrow::Cow;

use anju_domain::id_number::{IdNumber, IdNumberError};
use anju_domain::money::{Fen, MoneyError};
use anju_domain::name::{PersonName, PersonNameError};
use anju_domain::phone::Phone;
use anju_domain::rate::Bp;

use super::diagnosis::{diagnose, is_scientific, is_unseen_control, mask_id, shortened, shown};
use super::fault::{Column, Fault, half_width};
use super::line::{Change, Field};
use super::number::{Decimal, OffScale, date_of_serial};
use super::sheet::{Sheet, Value};

/// A cell about to be read.
pub(super) struct Reading<'r> {
    sheet: &'r Sheet,
    value: Value<'r>,
    row: u32,
    column: Column,
    faults: &'r mut Vec<Fault>,
}

impl<'r> Reading<'r> {
    pub(super) fn of(
        sheet: &'r Sheet,
        index: usize,
        column: Column,
        faults: &'r mut Vec<Fault>,
    ) -> Self {
        Self {
            sheet,
            value: sheet.value(index, column),
            row: sheet.row_number(index),
            column,
            faults,
        }
    }

    pub(super) fn name(mut self) -> Field<PersonName> {
        match self.sound() {
            None => Field::Faulty,
            Some(Value::Empty) => self.missing(),
            Some(Value::Text(text)) => match PersonName::parse(text) {
                Ok(name) => Field::Given(name),
                Err(PersonNameError::Empty) => self.missing(),
                Err(PersonNameError::ControlCharacter) => {
                    self.fault("E-ROW-06", text, "含有看不见的控制字符，请重新输入")
                }
                Err(PersonNameError::FormulaStart(first)) => self.fault(
                    "E-ROW-06",
                    text,
                    &format!("不能以“{first}”开头，请改为证件上的姓名"),
                ),
                Err(PersonNameError::TooLong) => {
                    self.fault("E-ROW-05", text, "比任何证件上的姓名都长，请核对")
                }
            },
            Some(other) => self.fault("E-ROW-05", &shown(other), "不是姓名，请改为证件上的姓名"),
        }
    }

    pub(super) fn id_number(mut self) -> Field<IdNumber> {
        const LOST: &str = "是数字格式：Excel 只保留 15 位，后面的数字已经丢失。请先把这一列设为“文本”，再对照身份证重新填写";
        let text = match self.sound() {
            None => return Field::Faulty,
            Some(Value::Empty) => return self.missing(),
            Some(Value::Text(text)) => text,
            Some(Value::Bool(_)) => {
                return self.fault("E-PERS-01", "", "不是证件号码，请对照身份证填写");
            }
            Some(_) => return self.fault("E-ROW-08", "", LOST),
        };
        if is_scientific(text) {
            return self.fault(
                "E-ROW-08",
                text,
                "是科学计数法，数字已经丢失。请先把这一列设为“文本”，再对照身份证重新填写",
            );
        }
        let error = match IdNumber::parse(text) {
            Ok(number) => return Field::Given(number),
            Err(error) => error,
        };
        let masked = mask_id(text);
        match error {
            IdNumberError::Empty => self.missing(),
            // Digits after the fifteenth that turned to zero, kept as text by a later hand.
            IdNumberError::CheckDigit | IdNumberError::BirthDate if text.trim_end().ends_with("000") => {
                self.fault("E-ROW-08", &masked, "最后几位变成了 0，像是被 Excel 改过。请先把这一列设为“文本”，再对照身份证重新填写")
            }
            IdNumberError::CheckDigit => self.fault("E-PERS-01", &masked, "最后一位对不上，请对照身份证再看一遍"),
            IdNumberError::BirthDate => self.fault("E-PERS-01", &masked, "其中的出生日期不存在，请核对第 7 至 14 位"),
            IdNumberError::Length(length) => self.fault("E-PERS-01", &masked, &format!("是 {length} 位，应为 18 位，请对照身份证填写")),
            IdNumberError::Character(stray) => {
                self.fault("E-PERS-01", &masked, &format!("含有“{stray}”，只能是数字（最后一位可以是 X），请改正"))
            }
        }
    }

    /// Yuan with at most two decimals.
    pub(super) fn money(mut self) -> Field<Fen> {
        match self.sound() {
            None => Field::Faulty,
            Some(Value::Empty) => Field::Empty,
            Some(Value::Number(digits)) => match Decimal::parse(digits) {
                None => self.not_a_number(digits),
                Some(number) if number.is_negative() => {
                    self.fault("E-ROW-05", digits, "是负数，请改成正数")
                }
                // A millionth of a yuan is a ten-thousandth of a fen.
                Some(number) => match number.nearest(2, 4) {
                    Ok(fen) => Field::Given(Fen::new(fen)),
                    Err(OffScale::Between) => {
                        self.fault("E-ROW-05", digits, "超过两位小数，最小单位是分，请改正")
                    }
                    Err(OffScale::TooLarge) => self.fault("E-ROW-05", digits, "太大，请核对"),
                },
            },
            Some(Value::Text(text)) => match Fen::parse_yuan(text) {
                Ok(fen) if fen < Fen::ZERO => self.fault("E-ROW-05", text, "是负数，请改成正数"),
                Ok(fen) => Field::Given(fen),
                Err(MoneyError::Empty) => Field::Empty,
                Err(MoneyError::NotANumber(_)) => self.not_a_number(text),
                Err(MoneyError::TooManyDecimals(_)) => {
                    self.fault("E-ROW-05", text, "超过两位小数，最小单位是分，请改正")
                }
                Err(MoneyError::OutOfRange(_)) => self.fault("E-ROW-05", text, "太大，请核对"),
            },
            Some(other) => self.wrong_kind(other),
        }
    }

    /// Percent: `12`, `12%` or `0.12`.
    pub(super) fn ratio(mut self) -> Field<Bp> {
        let (digits, is_percentage) = match self.sound() {
            None => return Field::Faulty,
            Some(Value::Empty) => return Field::Empty,
            Some(Value::Number(digits)) => (digits, false),
            Some(Value::Percent(digits)) => (digits, true),
            Some(Value::Text(text)) if text.trim().starts_with(['-', '−', '－']) => {
                return self.fault("E-ROW-05", text, "是负数，请改正");
            }
            Some(Value::Text(text)) => {
                return match Bp::parse_ratio(text) {
                    Ok(ratio) => Field::Given(ratio),
                    Err(_) => self.not_a_number(text),
                };
            }
            Some(other) => return self.wrong_kind(other),
        };
        let Some(number) = Decimal::parse(digits) else {
            return self.not_a_number(digits);
        };
        if number.is_negative() {
            return self.fault("E-ROW-05", digits, "是负数，请改正");
        }
        let places = if is_percentage || number.is_fraction() {
            4
        } else {
            2
        };
        match number.nearest(places, 4).map(i32::try_from) {
            Ok(Ok(bp)) => Field::Given(Bp::new(bp)),
            _ => self.fault("E-RATIO-01", digits, "缴存比例应为整数，请改正"),
        }
    }

    pub(super) fn change(mut self) -> Field<Change> {
        const WORDS: &str = "只能填新增、启封、封存、基数调整、比例调整，不变的留空";
        match self.sound() {
            None => Field::Faulty,
            Some(Value::Empty) => Field::Empty,
            Some(Value::Text(text)) => {
                let word = |change: &Change| {
                    let typed = text.chars().map(half_width).filter(|c| !c.is_whitespace());
                    typed.eq(change.word().chars())
                };
                match Change::ALL.into_iter().find(word) {
                    Some(change) => Field::Given(change),
                    None => self.fault("E-ROW-03", text, WORDS),
                }
            }
            Some(other) => self.fault("E-ROW-03", &shown(other), WORDS),
        }
    }

    pub(super) fn phone(mut self) -> Field<Phone> {
        const HINT: &str = "不是手机号，应为以 1 开头的 11 位数字，也可以留空";
        let digits = match self.sound() {
            None => return Field::Faulty,
            Some(Value::Empty) => return Field::Empty,
            Some(Value::Text(text)) => Cow::Borrowed(text),
            Some(Value::Number(digits)) => Decimal::parse(digits)
                .and_then(|number| number.nearest(0, 0).ok())
                .unwrap_or(0)
                .to_string()
                .into(),
            Some(other) => return self.fault("E-ROW-05", &shown(other), HINT),
        };
        match Phone::parse(&digits) {
            Ok(phone) => Field::Given(phone),
            Err(_) => self.fault("E-ROW-05", &digits, HINT),
        }
    }

    /// Reports a required cell that is empty.
    pub(super) fn missing<T>(&mut self) -> Field<T> {
        self.fault("E-ROW-05", "", "是空的，请填写")
    }

    /// The value, unless nothing can be read from the cell at all or it carries what nobody sees.
    fn sound(&mut self) -> Option<Value<'r>> {
        match self.value {
            Value::Uncalculated => {
                self.fault::<()>(
                    "E-ROW-05",
                    "",
                    "是公式但没有计算结果。请在 Excel 里打开并保存一次，或改成数值",
                );
                None
            }
            Value::Error(error) => {
                self.fault::<()>("E-ROW-05", error, "公式出错了，请改正");
                None
            }
            Value::TooLong => {
                self.fault::<()>("E-ROW-05", "", "的内容太长，请改正");
                None
            }
            Value::Text(text) if text.chars().any(is_unseen_control) => {
                let visible: String = text.chars().filter(|c| !is_unseen_control(*c)).collect();
                self.fault::<()>(
                    "E-ROW-06",
                    &visible,
                    "里面有看不见的控制字符（如换行），请重新输入",
                );
                None
            }
            value => Some(value),
        }
    }

    fn wrong_kind<T>(&mut self, value: Value<'_>) -> Field<T> {
        match value {
            Value::Date(serial) => {
                let day = date_of_serial(serial, self.sheet.date_1904)
                    .map_or_else(|| serial.to_owned(), |day| day.to_string());
                self.fault("E-ROW-05", &day, "是日期。请把格式改为“常规”后填写数字")
            }
            other => self.fault("E-ROW-05", &shown(other), "不是数字，请改成数字"),
        }
    }

    fn not_a_number<T>(&mut self, text: &str) -> Field<T> {
        let (what, suggestion) = diagnose(text);
        let message = format!("{}填的是“{}”，{what}。", self.place(), shortened(text));
        self.faults.push(
            Fault::cell(self.row, self.column, "E-ROW-05", message)
                .found(shortened(text))
                .suggest(suggestion),
        );
        Field::Faulty
    }

    fn place(&self) -> String {
        format!("第 {} 行“{}”", self.row, self.column.header())
    }

    fn fault<T>(&mut self, code: &'static str, found: &str, what: &str) -> Field<T> {
        let found = &shortened(found);
        let place = self.place();
        let message = if found.is_empty() {
            format!("{place}{what}。")
        } else {
            format!("{place}填的是“{found}”，{what}。")
        };
        self.faults
            .push(Fault::cell(self.row, self.column, code, message).found(found));
        Field::Faulty
    }
}
