//! Numbers drawn in blocks of 1,000, so that an id is known before the statement that writes it.

use std::sync::Mutex;

use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::sync;

use crate::Result;

/// The step of `anju_id`: each draw of the sequence owns so many numbers.
const BLOCK: i64 = 1000;

/// 编号. The process's stock of ids; numbers that are not used are lost, never used twice.
pub struct Ids {
    /// One connection that serves nothing else: whoever asks for an id may hold one of the office's, and if all who hold one asked for
    /// another to get an id, all of them would wait.
    own: PgPool,
    stock: Mutex<(i64, i64)>,
    drawing: sync::Mutex<()>,
}

impl Ids {
    /// An empty stock that draws from the pool's database, over a connection of its own.
    #[must_use]
    pub fn new(pool: &PgPool) -> Self {
        let options = (*pool.connect_options()).clone();
        Self {
            own: PgPoolOptions::new()
                .max_connections(1)
                .acquire_timeout(pool.options().get_acquire_timeout())
                .connect_lazy_with(options),
            stock: Mutex::new((0, 0)),
            drawing: sync::Mutex::new(()),
        }
    }

    /// The next id.
    ///
    /// # Errors
    /// When a new block is needed and the database cannot be reached.
    pub async fn next(&self) -> Result<i64> {
        loop {
            if let Some(id) = self.draw() {
                return Ok(id);
            }
            let _drawing = self.drawing.lock().await;
            // Whoever held the lock has filled the stock.
            if let Some(id) = self.draw() {
                return Ok(id);
            }
            let start: i64 = sqlx::query_scalar("SELECT nextval('anju_id')")
                .fetch_one(&self.own)
                .await?;
            *self.lock() = (start, start + BLOCK);
        }
    }

    /// So many ids at once, ascending inside each block.
    ///
    /// # Errors
    /// As [`Ids::next`].
    pub async fn take(&self, count: usize) -> Result<Vec<i64>> {
        let blocks = i64::try_from(count).expect("a batch fits a bigint") / BLOCK;
        let mut ids: Vec<i64> =
            sqlx::query_scalar::<_, i64>("SELECT nextval('anju_id') FROM generate_series(1, $1)")
                .bind(blocks)
                .fetch_all(&self.own)
                .await?
                .into_iter()
                .flat_map(|start| start..start + BLOCK)
                .collect();
        while ids.len() < count {
            ids.push(self.next().await?);
        }
        Ok(ids)
    }

    fn draw(&self) -> Option<i64> {
        let mut stock = self.lock();
        (stock.0 < stock.1).then(|| {
            stock.0 += 1;
            stock.0 - 1
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (i64, i64)> {
        self.stock
            .lock()
            .expect("no code panics while it holds the stock")
    }
}
