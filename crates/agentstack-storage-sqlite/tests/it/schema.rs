//! The schema as it stands in a new file. A change of it is a new migration.

use tempfile::TempDir;

use crate::support;

#[tokio::test]
async fn the_schema_is_the_published_one() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    support::create(&path, false).await;
    let sql = "SELECT coalesce(sql, '-- ' || name) FROM sqlite_schema ORDER BY rowid";
    let schema: Vec<String> =
        sqlx::query_scalar(sql).fetch_all(&mut support::raw(&path).await).await.unwrap();
    insta::assert_snapshot!(schema.join(";\n\n"));
}
