//! What all control doors share: errors as problem documents in Chinese, bodies read as JSON.
//!
//! Invariant: a door of `/control` answers JSON, also when it refuses.

use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::StoreError;

/// 问题说明. A refusal as RFC 9457 describes it.
#[derive(Debug, Clone)]
pub struct Problem {
    /// HTTP status.
    pub status: StatusCode,
    /// Stable code for programs, such as `E-OUT-404`.
    pub code: &'static str,
    /// Chinese heading.
    pub title: &'static str,
    /// Chinese sentence: what is wrong and what to do.
    pub detail: String,
}

#[derive(Serialize)]
struct ProblemDocument<'a> {
    r#type: &'static str,
    status: u16,
    code: &'static str,
    title: &'static str,
    detail: &'a str,
}

impl Problem {
    /// There is no such thing here.
    pub fn not_found(detail: impl Into<String>) -> Problem {
        Problem {
            status: StatusCode::NOT_FOUND,
            code: "E-OUT-404",
            title: "没有找到",
            detail: detail.into(),
        }
    }

    /// The request cannot be understood.
    pub fn bad_request(detail: impl Into<String>) -> Problem {
        Problem {
            status: StatusCode::BAD_REQUEST,
            code: "E-OUT-400",
            title: "请求有误",
            detail: detail.into(),
        }
    }

    /// The request is understood and cannot be done.
    pub fn unprocessable(detail: impl Into<String>) -> Problem {
        Problem {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            code: "E-OUT-422",
            title: "不能办理",
            detail: detail.into(),
        }
    }

    /// The caller may not do this.
    pub fn forbidden(detail: impl Into<String>) -> Problem {
        Problem {
            status: StatusCode::FORBIDDEN,
            code: "E-OUT-403",
            title: "不允许",
            detail: detail.into(),
        }
    }

    /// The caller has not shown who it is.
    pub fn unauthorized(detail: impl Into<String>) -> Problem {
        Problem {
            status: StatusCode::UNAUTHORIZED,
            code: "E-OUT-401",
            title: "签名不对",
            detail: detail.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        tracing::error!(%error, "the outside world's store");
        Problem {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "E-OUT-503",
            title: "暂时不能记录",
            detail: "外部世界写不了自己的日志，请检查磁盘后重新启动".into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = ProblemDocument {
            r#type: "about:blank",
            status: self.status.as_u16(),
            code: self.code,
            title: self.title,
            detail: &self.detail,
        };
        (
            self.status,
            [(header::CONTENT_TYPE, "application/problem+json")],
            document.to_bytes(),
        )
            .into_response()
    }
}

impl ProblemDocument<'_> {
    fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and a number are always JSON")
    }
}

/// A JSON body; what is wrong with it is said in a problem document. The content type is not asked for.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Body<T>, Problem> {
        let bytes = axum::body::Bytes::from_request(request, state)
            .await
            .map_err(|error| Problem::bad_request(format!("正文读不完整：{error}")))?;
        serde_json::from_slice(&bytes)
            .map(Body)
            .map_err(|error| Problem::bad_request(format!("正文不是要求的 JSON：{error}")))
    }
}
