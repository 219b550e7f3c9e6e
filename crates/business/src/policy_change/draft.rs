//! 起草: from the version in force, a row of a parameter in a form or a whole file; checked by the loader at each change.

use std::collections::{BTreeMap, BTreeSet};

use anju_casework::staff::Staff;
use anju_casework::{Actor, Office, Refusal, Result, RowFault};
use anju_domain::money::Fen;
use anju_domain::rate::Bp;
use anju_policy::edit::{self, Editable, NewRow};
use anju_policy::{LoadError, Mistake, PolicyFiles, PolicySet, compare, in_chinese};
use chrono::NaiveDate;
use serde_json::json;
use sqlx::Connection;
use sqlx::types::Json;

use super::{Change, add_step, base_files, moved_on, officer, require, state, wrong_state};

/// The longest text of a policy file, in bytes.
const FILE_BYTES: usize = 512 * 1024;

/// The longest title, in characters.
const TITLE: usize = 60;

/// Begins a draft from the version in force.
///
/// # Errors
/// `E-POL-01` without the role, `E-POL-04` without a title.
pub async fn begin(office: &Office, title: &str, maker: &Staff) -> Result<Change> {
    officer(maker)?;
    let title = title.trim();
    if title.is_empty() || title.chars().count() > TITLE {
        let detail = format!("请写明这次变更是关于什么的，最多 {TITLE} 个字。");
        return Err(Refusal::rule("E-POL-04", detail).at("title").into());
    }
    let base_id = office.policy().id;
    let base = anju_casework::policy_force::files(&office.pool, office.centre.id, base_id).await?;
    let change_id = office.ids.next().await?;
    let made: i64 = sqlx::query_scalar("SELECT count(*) FROM policy_change WHERE centre_id = $1")
        .bind(office.centre.id)
        .fetch_one(&office.pool)
        .await?;
    // A version of its own, so that a decision's page tells by which of two it was taken.
    let version = format!("{}.{}", office.today().format("%Y-%m"), made + 1);
    let (file, text) =
        edit::put_version(&base, &version).map_err(|why| Refusal::rule("E-POL-05", why))?;
    let own = BTreeMap::from([(file, text)]);
    let checked = check(&base, &own);
    let mut conn = office.pool.acquire().await?;
    let mut tx = conn.begin().await?;
    sqlx::query(
        "INSERT INTO policy_change (centre_id, change_id, title, base_id, files, digest, faults, differences, state, revision, notice,
                                    makers, made_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, 1, '', ARRAY[$9::bigint], $10)",
    )
    .bind(office.centre.id)
    .bind(change_id)
    .bind(title)
    .bind(base_id)
    .bind(Json(&own))
    .bind(&checked.digest)
    .bind(Json(&checked.faults))
    .bind(Json(&checked.differences))
    .bind(maker.staff_id)
    .bind(office.now())
    .execute(&mut *tx)
    .await?;
    let detail = json!({ "digest": checked.digest, "base": base_id, "title": title });
    let actor = Actor::Staff(maker.staff_id);
    add_step(office, &mut tx, change_id, actor, "drafted", detail).await?;
    tx.commit().await?;
    drop(conn);
    require(office, change_id).await
}

/// Puts a row of a parameter in place of the one of the same day and place, or beside the others.
///
/// # Errors
/// `E-POL-03` outside of a draft, `E-POL-05` where the row is none.
pub async fn put_row(
    office: &Office,
    change: &Change,
    name: &str,
    row: &NewRow,
    maker: &Staff,
) -> Result<Change> {
    officer(maker)?;
    let files = super::files(office, change).await?;
    let set = PolicySet::load(&files).map_err(|errors| refusal_of(&errors))?;
    if row.source.trim().is_empty() {
        let detail = "请写明依据：哪个通知、哪一条。";
        return Err(Refusal::rule("E-POL-05", detail).at("source").into());
    }
    let put = edit::put_row(&set, &files, name, row);
    let (file, text) = put.map_err(|why| Refusal::rule("E-POL-05", why).at("value"))?;
    own_file(office, &file)?;
    let mut then = files.clone();
    then.files.insert(file.clone(), text.clone());
    if let Ok(set) = PolicySet::load(&then)
        && let Some(why) = beyond_the_state(&set, &then)
    {
        return Err(Refusal::rule("E-POL-05", why.message).at("value").into());
    }
    let detail = json!({ "parameter": name, "from": row.from, "value": row.value });
    keep(office, change, &file, text, maker, detail).await
}

/// Takes a row out that the draft has put in; one that it has put in another's place becomes again what it was.
///
/// # Errors
/// `E-POL-03` outside of a draft, `E-POL-05` where the draft has no such row.
pub async fn take_row(
    office: &Office,
    change: &Change,
    name: &str,
    from: NaiveDate,
    tests: &BTreeMap<String, String>,
    maker: &Staff,
) -> Result<Change> {
    officer(maker)?;
    let files = super::files(office, change).await?;
    let base = base_files(office, change).await?;
    let taken = edit::take_row(&base, &files, name, from, tests);
    let (file, text) = taken.map_err(|why| Refusal::rule("E-POL-05", format!("{why}。")))?;
    let detail = json!({ "parameter": name, "from": from, "taken": true });
    keep(office, change, &file, text, maker, detail).await
}

/// Puts a whole file in place of the one of that name, or as a new one.
///
/// # Errors
/// `E-POL-03` outside of a draft, `E-POL-05` for a file that is none of the centre's. Mistakes inside it are kept with the draft.
pub async fn put_file(
    office: &Office,
    change: &Change,
    file: &str,
    text: String,
    maker: &Staff,
) -> Result<Change> {
    officer(maker)?;
    let file = file.trim();
    own_file(office, file)?;
    if text.len() > FILE_BYTES {
        return Err(Refusal::rule(
            "E-POL-05",
            "文件太大，政策文件最多 512 KB，请删去无关内容后再上传。",
        )
        .at("file")
        .into());
    }
    let detail = json!({ "file": file });
    keep(office, change, file, text, maker, detail).await
}

/// A change is about the centre's own files; the words of the language and what the State sets come with the program.
fn own_file(office: &Office, file: &str) -> Result<()> {
    let name = file.strip_prefix(&format!("{}/", office.centre.code));
    let plain = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let fits = name
        .and_then(|name| name.strip_suffix(".toml"))
        .is_some_and(|name| name.split('/').count() <= 2 && name.split('/').all(plain));
    if fits {
        return Ok(());
    }
    let detail = format!(
        "只能改本中心的政策文件（{}/….toml）；“{file}”是国家规定或程序自带的，随程序版本更新。本中心的缴存比例范围（国家范围以内）请改参数“本中心缴存比例下限”“本中心缴存比例上限”。",
        office.centre.code
    );
    Err(Refusal::rule("E-POL-05", detail).at("file").into())
}

/// What the centre may set within what the State allows: its own limit, below which and above which of the State's it may not be.
const WITHIN: [(&str, &str, &str); 2] = [
    ("own_ratio_min_bp", "ratio_min_bp", "ratio_max_bp"),
    ("own_ratio_max_bp", "ratio_min_bp", "ratio_max_bp"),
];

/// A limit of the centre's own that is outside of the State's range on a day from which a row of it counts, or a lowest above the highest.
fn beyond_the_state(set: &PolicySet, files: &PolicyFiles) -> Option<Mistake> {
    let parameters: Vec<Editable> = files
        .files
        .keys()
        .flat_map(|file| edit::parameters(set, files, file))
        .collect();
    let percent = |bp: i32| format!("{}%", Fen::new(i64::from(bp)));
    for (name, low, high) in WITHIN {
        let Some(own) = parameters.iter().find(|one| one.name == name) else {
            continue;
        };
        // Whichever of them changes: its own rows, and those of the State.
        let days: BTreeSet<NaiveDate> = parameters
            .iter()
            .filter(|one| [name, low, high].contains(&one.name.as_str()))
            .flat_map(|one| one.rows.iter().map(|row| row.from))
            .collect();
        let wrong = days.into_iter().find_map(|day| {
            let on = |name: &str| set.bp(name, day, &[]).map(Bp::bp).ok();
            let value = on(name)?;
            let (low, high) = (on(low).unwrap_or(i32::MIN), on(high).unwrap_or(i32::MAX));
            if value < low {
                Some(format!(
                    "{}不能低于国家规定的 {}。国家的下限不在本中心的文件里改。",
                    own.label,
                    percent(low)
                ))
            } else if value > high {
                Some(format!(
                    "{}不能高于国家规定的 {}。国家的上限不在本中心的文件里改。",
                    own.label,
                    percent(high)
                ))
            } else {
                (on("own_ratio_min_bp") > on("own_ratio_max_bp"))
                    .then(|| "本中心的缴存比例下限高于上限，请一并调整。".to_owned())
            }
        });
        if let Some(message) = wrong {
            return Some(Mistake {
                file: own.file.clone(),
                place: format!("参数 {name}"),
                message,
            });
        }
    }
    None
}

/// What the loader says of a draft.
struct Checked {
    digest: String,
    faults: Vec<Mistake>,
    differences: Vec<compare::Difference>,
}

fn check(base: &PolicyFiles, own: &BTreeMap<String, String>) -> Checked {
    let mut files = base.clone();
    files
        .files
        .extend(own.iter().map(|(file, text)| (file.clone(), text.clone())));
    let faults = match PolicySet::load(&files) {
        Ok(set) => beyond_the_state(&set, &files).into_iter().collect(),
        Err(errors) => errors.iter().map(in_chinese).collect(),
    };
    let mut differences = compare::differences(base, &files);
    // The version's own name is not a rule.
    differences.retain(|one| one.name != "policy");
    Checked {
        digest: files.digest(),
        faults,
        differences,
    }
}

async fn keep(
    office: &Office,
    change: &Change,
    file: &str,
    text: String,
    maker: &Staff,
    mut detail: serde_json::Value,
) -> Result<Change> {
    if change.state != state::DRAFT {
        return Err(wrong_state(change, "再修改；请先退回或另行起草").into());
    }
    let base = base_files(office, change).await?;
    let now = super::files(office, change).await?;
    let version = edit::version_of(&now);
    let mut own: BTreeMap<String, String> = now
        .files
        .into_iter()
        .filter(|(file, text)| base.files.get(file) != Some(text))
        .collect();
    own.insert(file.to_owned(), text);
    // A file that is put in whole says the version from which it was copied.
    let mut whole = base.clone();
    whole.files.extend(own.clone());
    if let Some(version) = version
        && edit::version_of(&whole).is_some_and(|said| said != version)
        && let Ok((file, text)) = edit::put_version(&whole, &version)
    {
        own.insert(file, text);
    }
    let checked = check(&base, &own);
    detail["digest"] = checked.digest.clone().into();
    let mut conn = office.pool.acquire().await?;
    let mut tx = conn.begin().await?;
    let kept = sqlx::query(
        "UPDATE policy_change
            SET files = $4, digest = $5, faults = $6, differences = $7, revision = revision + 1,
                makers = array_append(array_remove(makers, $8::bigint), $8::bigint)
          WHERE centre_id = $1 AND change_id = $2 AND revision = $3 AND state = 1",
    )
    .bind(office.centre.id)
    .bind(change.change_id)
    .bind(change.revision)
    .bind(Json(&own))
    .bind(&checked.digest)
    .bind(Json(&checked.faults))
    .bind(Json(&checked.differences))
    .bind(maker.staff_id)
    .execute(&mut *tx)
    .await?;
    if kept.rows_affected() != 1 {
        return Err(moved_on().into());
    }
    let actor = Actor::Staff(maker.staff_id);
    add_step(office, &mut tx, change.change_id, actor, "edited", detail).await?;
    tx.commit().await?;
    drop(conn);
    require(office, change.change_id).await
}

/// Keeps the notice as it was edited.
///
/// # Errors
/// `E-POL-03` once it is withdrawn or in force.
pub async fn put_notice(office: &Office, change: &Change, text: &str, maker: &Staff) -> Result<()> {
    officer(maker)?;
    if change.state != state::DRAFT {
        return Err(wrong_state(change, "再改公告").into());
    }
    let kept = sqlx::query(
        "UPDATE policy_change
            SET notice = $4, revision = revision + 1, makers = array_append(array_remove(makers, $5::bigint), $5::bigint)
          WHERE centre_id = $1 AND change_id = $2 AND revision = $3 AND state = 1",
    )
    .bind(office.centre.id)
    .bind(change.change_id)
    .bind(change.revision)
    .bind(text.trim())
    .bind(maker.staff_id)
    .execute(&office.pool)
    .await?;
    if kept.rows_affected() != 1 {
        return Err(moved_on().into());
    }
    Ok(())
}

/// The mistakes of a draft that cannot be loaded, as one refusal: the first speaks for all.
pub fn refusal_of(errors: &[LoadError]) -> Refusal {
    let mistakes: Vec<Mistake> = errors.iter().map(in_chinese).collect();
    refusal_of_mistakes(&mistakes)
}

/// The same from words that were kept.
pub fn refusal_of_mistakes(mistakes: &[Mistake]) -> Refusal {
    let rows: Vec<RowFault> = mistakes
        .iter()
        .map(|one| RowFault {
            row: None,
            column: Some(one.file.clone()),
            code: "E-POL-06".to_owned(),
            message: format!("{}，{}：{}", one.file, one.place, one.message),
        })
        .collect();
    let first = rows.first().map_or("", |row| row.message.as_str());
    let detail = format!("草案有 {} 处错误，请先改正。{first}", rows.len());
    Refusal::rule("E-POL-06", detail).with_errors(rows)
}
