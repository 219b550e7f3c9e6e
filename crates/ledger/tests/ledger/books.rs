//! Arranging: fresh books with a bank account and an employer, in the words of the domain.

use anju_domain::calendar::Month;
use anju_domain::money::Fen;
use anju_ledger::account::{self, Account, Kind};
use anju_ledger::audit::Breach;
use anju_ledger::day::{self, Closing};
use anju_ledger::journal::{self, Allocation, AllocationLine, Entry, Header, PayOut};
use anju_ledger::product::Rate;
use anju_ledger::{
    AccountId, BusinessDate, Centre, EntryTable, Event, Ids, JournalId, Part, Result, Role, audit,
    command, product,
};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, Executor, PgConnection, PgPool, Postgres};
use uuid::Uuid;

use crate::database::TestDatabase;

pub const CENTRE: Centre = Centre(1);
pub const PAYABLE: AccountId = AccountId(21904);

pub fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

pub fn yuan(yuan: i64) -> Fen {
    Fen::yuan(yuan)
}

/// Books of one centre in a database that goes when the test ends.
pub struct Books {
    pub pool: PgPool,
    pub ids: Ids,
    pub table: EntryTable,
    pub bank: AccountId,
    pub suspense: AccountId,
    pub unidentified: AccountId,
    database: TestDatabase,
}

impl Books {
    /// Opened on a day at 1.50 % a year, with one bank account and one employer.
    pub async fn open(first_day: &str) -> Self {
        Self::open_with(first_day, true, &[("2016-02-21", 150)]).await
    }

    pub async fn open_with(first_day: &str, by_segment: bool, rates: &[(&str, i32)]) -> Self {
        let server = std::env::var("ANJU_TEST_DATABASE_URL").expect(
            "ANJU_TEST_DATABASE_URL must name a PostgreSQL server for tests, as ./test does",
        );
        let database = TestDatabase::on(&server).await;
        let options = database
            .url
            .parse::<PgConnectOptions>()
            .expect("a database URL")
            .application_name("anju");
        let pool = PgPoolOptions::new()
            .max_connections(12)
            .after_connect(|connection, _| {
                Box::pin(async move { connection.execute("SET ROLE anju_app").await.map(|_| ()) })
            })
            .connect_with(options)
            .await
            .expect("the test database");
        let ids = Ids::new(&pool);
        let table = EntryTable::parse(include_str!("../../../../policy/national/entries.toml"))
            .expect("the entry table");
        let mut conn = pool.acquire().await.expect("a connection");
        let first_day = date(first_day);
        let rates: Vec<Rate> = rates
            .iter()
            .map(|(from, rate_bp)| Rate {
                from: date(from),
                fund_bp: *rate_bp,
                subsidy_bp: *rate_bp,
            })
            .collect();
        product::set_rates(&mut conn, CENTRE, &rates)
            .await
            .expect("rates");
        account::open_centre(&mut conn, CENTRE, first_day, by_segment)
            .await
            .expect("open books");
        let mut owned = Vec::new();
        for (kind, owner) in [
            (Kind::BankDemand, 1),
            (Kind::UnitSuspense, 700),
            (Kind::Unidentified, 1),
        ] {
            let id = AccountId(ids.next().await.expect("an id"));
            account::open_accounts(
                &mut conn,
                CENTRE,
                kind,
                BusinessDate::of(first_day),
                &[(id, owner)],
            )
            .await
            .expect("an account");
            owned.push(id);
        }
        Self {
            bank: owned[0],
            suspense: owned[1],
            unidentified: owned[2],
            pool,
            ids,
            table,
            database,
        }
    }

    pub async fn conn(&self) -> PoolConnection<Postgres> {
        self.pool.acquire().await.expect("a connection")
    }

    /// A connection as the owner, past the application's role: for looking and for planting faults.
    pub async fn superuser(&self) -> PgConnection {
        let options = self
            .database
            .url
            .parse::<PgConnectOptions>()
            .expect("a database URL")
            .username("postgres");
        PgConnection::connect_with(&options.application_name("anju"))
            .await
            .expect("the superuser's connection")
    }

    pub async fn today(&self) -> BusinessDate {
        day::open_day(&mut *self.conn().await, CENTRE)
            .await
            .expect("the open day")
    }

    pub async fn people(&self, count: usize) -> Vec<AccountId> {
        let accounts: Vec<AccountId> = self
            .ids
            .take(count)
            .await
            .expect("ids")
            .into_iter()
            .map(AccountId)
            .collect();
        let owned: Vec<(AccountId, i64)> = accounts
            .iter()
            .map(|account| (*account, account.0 + 500_000_000))
            .collect();
        account::open_accounts(
            &mut *self.conn().await,
            CENTRE,
            Kind::Fund,
            self.today().await,
            &owned,
        )
        .await
        .expect("accounts");
        accounts
    }

    pub async fn person(&self) -> AccountId {
        self.people(1).await[0]
    }

    pub async fn header(&self, event: i16) -> Header {
        let day = self.today().await;
        Header {
            centre: CENTRE,
            day,
            journal_id: JournalId(self.ids.next().await.expect("an id")),
            event: Event(event),
            case_id: None,
            maker_id: 11,
            checker_id: None,
            rule_id: 1,
            branch_id: 1,
            month: Some(Month::of(day.date())),
            made_at: noon(day.date()),
        }
    }

    /// Books an event of the table for one amount, each under a key of its own.
    pub async fn book(
        &self,
        event: i16,
        accounts: &[(Role, AccountId)],
        amount: Fen,
    ) -> Result<JournalId> {
        let header = self.header(event).await;
        let entry = Entry {
            business_key: &header.journal_id.0.to_string(),
            value_date: header.day.date(),
            accounts,
            amounts: &[("amount", amount)],
        };
        journal::post(&mut *self.conn().await, &self.table, &header, &entry).await
    }

    /// The employer pays into the bank (E01).
    pub async fn receive(&self, amount: Fen) -> JournalId {
        self.book(
            1,
            &[(Role::Bank, self.bank), (Role::Unit, self.suspense)],
            amount,
        )
        .await
        .expect("a receipt")
    }

    /// E05 of one line each, halves for employer and employee.
    pub async fn allocate(
        &self,
        lines: &[(AccountId, Fen)],
        value_date: NaiveDate,
    ) -> Result<JournalId> {
        let header = self.header(5).await;
        let lines: Vec<AllocationLine> = lines
            .iter()
            .map(|(account, amount)| {
                let employer = Fen::new(amount.fen() / 2);
                AllocationLine {
                    account: *account,
                    employer,
                    employee: *amount - employer,
                }
            })
            .collect();
        let key = header.journal_id.0.to_string();
        let allocation = Allocation {
            business_key: &key,
            value_date,
            suspense: self.suspense,
            lines: &lines,
            parts: (Part::Employer, Part::Employee),
        };
        journal::allocate(&mut *self.conn().await, &header, &allocation)
            .await
            .map(|_| header.journal_id)
    }

    /// Money on a person's account today: received and allocated.
    pub async fn fund(&self, account: AccountId, amount: Fen) -> JournalId {
        self.receive(amount).await;
        self.allocate(&[(account, amount)], self.today().await.date())
            .await
            .expect("an allocation")
    }

    /// E21 on what the account says now; the journal, if it was paid.
    pub async fn pay_out(&self, account: AccountId, amount: Fen) -> Option<JournalId> {
        let version = self.account(account).await.version;
        self.pay_out_at(account, amount, version, None).await
    }

    pub async fn pay_out_at(
        &self,
        account: AccountId,
        amount: Fen,
        version: i32,
        hold: Option<i64>,
    ) -> Option<JournalId> {
        let header = self.header(21).await;
        let header = Header {
            case_id: Some(header.journal_id.0),
            ..header
        };
        let payment = PayOut {
            key: command::event_key(header.event, &header.journal_id.0.to_string()),
            digest: Uuid::nil(),
            ref_id: header.journal_id.0,
            account,
            version,
            amount,
            payable: PAYABLE,
            hold,
        };
        let paid = journal::pay_out(&mut *self.conn().await, &header, &payment)
            .await
            .expect("an answer");
        paid.then_some(header.journal_id)
    }

    /// 冲正 under the event's own number.
    pub async fn reverse(
        &self,
        event: i16,
        original: JournalId,
        original_date: NaiveDate,
    ) -> Result<JournalId> {
        let header = self.header(event).await;
        let key = format!("reverse {}", original.0);
        journal::reverse(
            &mut *self.conn().await,
            &header,
            &key,
            original,
            original_date,
        )
        .await
    }

    pub async fn account(&self, account: AccountId) -> Account {
        account::read(&mut *self.conn().await, CENTRE, account)
            .await
            .expect("an answer")
            .expect("the account")
    }

    /// Closes the open day; the next one is `next`.
    pub async fn close_to(&self, next: &str) -> day::Sealed {
        let closing = self.closing(next).await;
        day::close(&mut *self.conn().await, &closing)
            .await
            .expect("a closed day")
    }

    pub async fn closing(&self, next: &str) -> Closing {
        let day = self.today().await;
        Closing {
            centre: CENTRE,
            day,
            next: BusinessDate::of(date(next)),
            maker_id: 11,
            checker_id: 12,
            at: noon(day.date()),
        }
    }

    pub async fn breaches(&self) -> Vec<Breach> {
        audit::audit(&mut *self.conn().await, CENTRE)
            .await
            .expect("an audit")
    }

    /// What the close of the open day would find.
    pub async fn breaches_of_today(&self) -> Vec<Breach> {
        let today = self.today().await.date();
        audit::audit_day(&mut *self.conn().await, CENTRE, today)
            .await
            .expect("an audit")
    }

    pub async fn must_balance(&self) {
        assert_eq!(self.breaches().await, []);
        assert_eq!(self.breaches_of_today().await, []);
    }
}

pub fn noon(date: NaiveDate) -> DateTime<Utc> {
    date.and_time(NaiveTime::from_hms_opt(4, 0, 0).expect("noon in Shanghai"))
        .and_utc()
}
