//! The ledger on a real PostgreSQL: the server that `ANJU_TEST_DATABASE_URL` names, a database for each test.

mod audit;
mod booking;
mod books;
mod closing;
mod database;
mod interest;
mod random;
mod rights;
mod worked;
