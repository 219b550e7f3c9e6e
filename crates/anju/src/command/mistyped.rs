//! 命令行写错了: what is wrong with a line and what to do, in Chinese. Clap knows both; its own words are English.

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// What is wrong and what to do; nothing for what is no mistake (`--help`, `--version`).
#[must_use]
pub fn told(error: &Error) -> Option<String> {
    let argument = of(error, ContextKind::InvalidArg);
    let value = of(error, ContextKind::InvalidValue);
    let wrong = match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => return None,
        ErrorKind::UnknownArgument => {
            let near = meant(&of(error, ContextKind::SuggestedArg));
            format!("不认识“{argument}”{near}")
        }
        ErrorKind::InvalidSubcommand => {
            let typed = of(error, ContextKind::InvalidSubcommand);
            let near = meant(&of(error, ContextKind::SuggestedSubcommand));
            format!("没有“{typed}”这个命令{near}")
        }
        ErrorKind::MissingSubcommand => {
            let typed = of(error, ContextKind::InvalidSubcommand);
            let known = of(error, ContextKind::ValidSubcommand);
            format!("“{typed}”后面还要写做什么，可以写：{known}")
        }
        ErrorKind::MissingRequiredArgument => format!("少写了 {argument}，请补上"),
        ErrorKind::InvalidValue if value.is_empty() => {
            let known = one_of(error);
            format!("“{argument}”后面没有写值，请补上{known}")
        }
        ErrorKind::InvalidValue => {
            let known = one_of(error);
            format!("“{argument}”不能是“{value}”{known}")
        }
        ErrorKind::ValueValidation => {
            format!("“{argument}”的值“{value}”读不懂，请对照 --help 里的写法改")
        }
        ErrorKind::TooManyValues | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            format!("“{argument}”的值的个数不对，请对照用法改")
        }
        ErrorKind::NoEquals => format!("“{argument}”和它的值之间要写等号"),
        ErrorKind::ArgumentConflict => {
            let other = of(error, ContextKind::PriorArg);
            match other == argument || other.is_empty() {
                true => format!("“{argument}”写了两次，请只留一次"),
                false => format!("“{argument}”和“{other}”不能一起写，请去掉一个"),
            }
        }
        ErrorKind::InvalidUtf8 => "命令行里有不是 UTF-8 的字符，请改成 UTF-8".to_owned(),
        _ => "命令行写得不对".to_owned(),
    };
    let usage = of(error, ContextKind::Usage);
    let usage = usage.trim_start_matches("Usage:").trim();
    let usage = match usage {
        "" => String::new(),
        usage => format!("用法：{usage}\n"),
    };
    let command = command_of(usage.trim_start_matches("用法："));
    Some(format!("{wrong}。\n{usage}全部写法：{command} --help"))
}

/// A piece of what clap knows of the mistake, in plain text; empty where it does not say it.
fn of(error: &Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(all)) => all.join("、"),
        Some(ContextValue::StyledStr(text)) => text.to_string(),
        Some(ContextValue::StyledStrs(all)) => {
            let all: Vec<String> = all.iter().map(ToString::to_string).collect();
            all.join("、")
        }
        Some(ContextValue::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn meant(near: &str) -> String {
    match near {
        "" => "，请检查拼写".to_owned(),
        near => format!("，是不是要写“{}”？请检查拼写", near.replace('、', "”或“")),
    }
}

fn one_of(error: &Error) -> String {
    match of(error, ContextKind::ValidValue).as_str() {
        "" => String::new(),
        known => format!("，可以写：{known}"),
    }
}

/// The command of a usage: its words before the first that is an option or stands for something.
fn command_of(usage: &str) -> String {
    let words = usage
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .take_while(|word| !word.starts_with(['-', '<', '[']));
    let words: Vec<&str> = words.collect();
    match words.is_empty() {
        true => "anju".to_owned(),
        false => words.join(" "),
    }
}
