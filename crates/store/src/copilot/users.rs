//! People of an account, as other rows refer to them.

use uuid::Uuid;

use crate::{Error, Tx};

/// A local user.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Person {
    /// Id.
    pub id: Uuid,
    /// The account it belongs to.
    pub account_id: String,
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// Address of a picture.
    pub profile_image: Option<String>,
    /// Whether it may log in.
    pub is_active: bool,
}

/// The users among `ids` that exist in the scope, in no order. Ids that are no UUID belong to nobody.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn find(tx: &mut Tx, ids: &[&str]) -> Result<Vec<Person>, Error> {
    let ids: Vec<Uuid> = ids.iter().filter_map(|id| Uuid::try_parse(id).ok()).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let account = tx.account();
    let statement = sqlx::query_as(include_str!("../../queries/user/find.sql")).bind(account).bind(ids);
    Ok(statement.fetch_all(tx.connection()).await?)
}
