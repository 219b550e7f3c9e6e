//! 问题文档: how a machine is told what is wrong (RFC 9457): `title` and `detail` in Chinese, a stable `code`, and rows
//! where rows are meant. Nothing of our inside is told; a fault of ours carries a number to quote.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::pages::error::quotable;

/// What is away comes back by itself: seconds after which it is worth asking again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// A fault of a row of a roster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowProblem {
    /// 1-based as Excel shows it; null where the whole file is meant.
    pub row: Option<u32>,
    /// The header's name; null where no column is meant.
    pub column: Option<String>,
    /// Stable code.
    pub code: String,
    /// Where, what, what next.
    pub message: String,
}

/// A problem document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The status, again in the body.
    pub status: u16,
    /// Stable code: `E-API-01`.
    pub code: String,
    /// In a few words.
    pub title: String,
    /// What to do.
    pub detail: String,
    /// Rows, where rows are meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<RowProblem>,
    /// Further members, such as the living `case_id` of a conflict.
    #[serde(flatten)]
    pub more: serde_json::Map<String, serde_json::Value>,
}

impl Problem {
    /// A problem without rows.
    pub fn new(
        status: StatusCode,
        code: impl Into<String>,
        title: impl Into<String>,
        detail: impl Into<String>,
    ) -> Problem {
        Problem {
            status: status.as_u16(),
            code: code.into(),
            title: title.into(),
            detail: detail.into(),
            errors: Vec::new(),
            more: serde_json::Map::new(),
        }
    }

    /// Something that is not there.
    #[must_use]
    pub fn not_found() -> Problem {
        Problem::new(
            StatusCode::NOT_FOUND,
            "E-API-04",
            "没有找到",
            "没有这个编号，请核对后再试",
        )
    }

    /// A fault of ours, with a number that stands in the log too.
    #[must_use]
    pub fn failed() -> Problem {
        let number = quotable();
        tracing::error!(number, "a machine's call failed");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "E-API-50",
            "我们这边出错了",
            format!("没有办成，也没有扣款。请用同一个幂等键再试；来电请报编号 {number}"),
        )
    }

    /// With rows.
    #[must_use]
    pub fn rows(mut self, errors: Vec<RowProblem>) -> Problem {
        self.errors = errors;
        self
    }

    /// With a further member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Problem {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// As a response.
    #[must_use]
    pub fn into_answer(self) -> Response {
        self.into_response()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_string(&self).expect("a problem has string keys");
        let mut answer = (
            status,
            [(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/problem+json"),
            )],
            body,
        )
            .into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            answer
                .headers_mut()
                .insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_asked_to_come_again_is_told_when() {
        let away = Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "E-API-53",
            "暂时不能办理",
            "请再试",
        );
        assert_eq!(away.into_response().headers()[header::RETRY_AFTER], "1");
        let failed = Problem::failed().into_response();
        assert!(!failed.headers().contains_key(header::RETRY_AFTER));
    }

    #[test]
    fn a_problem_points_at_rows_and_carries_further_members() {
        let problem = Problem::new(StatusCode::CONFLICT, "E-W-05", "已有同样的办件", "请看进度")
            .rows(vec![RowProblem {
                row: Some(17),
                column: Some("缴存基数".into()),
                code: "E-ROW-05".into(),
                message: "不是数字".into(),
            }])
            .with("case_id", "C123");
        let json = serde_json::to_value(&problem).expect("json");
        assert_eq!(json["case_id"], "C123");
        assert_eq!(json["status"], 409);
        assert_eq!(json["errors"][0]["row"], 17);
        let answer = problem.into_response();
        assert_eq!(answer.status(), StatusCode::CONFLICT);
        assert_eq!(
            answer.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
    }
}
