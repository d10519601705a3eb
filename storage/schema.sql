-- The ledger's file, schema version 3. A new file is made by this script; an
-- older one is brought here by migrations.go.
--
-- Keys and hashes are long and random, so they are stored once and everything
-- else refers to them by small integers:
--
--   account  the number of a key in accounts, from 1 in order of appearance
--   block    account << 28 | height: the blocks of an account lie side by side,
--            and account, height, previous and frontier follow from the number
--   prefix   the first 48 bits of a key or hash less 2^47, which fits six bytes
--            and sorts like it; only a finder: the whole is compared afterwards
--
-- Amounts are blobs of as many bytes as they need, the highest first. Times are
-- seconds since 1970.

-- What this file is: schema (version), network (id), genesis (hash).
CREATE TABLE _meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- Every key that the ledger mentions: accounts, destinations, representatives.
-- A key is an open account when it has blocks. Rows are never removed.
CREATE TABLE accounts (
    id  INTEGER PRIMARY KEY,
    key BLOB NOT NULL -- 32 bytes
) STRICT;

CREATE TABLE account_index (
    prefix  INTEGER NOT NULL, -- of the key
    account INTEGER NOT NULL,
    PRIMARY KEY (prefix, account)
) STRICT, WITHOUT ROWID;

-- Only what cannot be derived. previous is the hash of block - 1, the subtype
-- and the amount follow from its balance.
CREATE TABLE blocks (
    id             INTEGER PRIMARY KEY, -- block
    hash           BLOB NOT NULL,       -- 32 bytes
    representative INTEGER NOT NULL,    -- account
    balance        BLOB NOT NULL,
    -- The send that is received (block), or minus the destination (account), or
    -- nothing; the 32 bytes of the hash where the send itself was pruned.
    link           ANY,
    work           INTEGER NOT NULL,
    signature      BLOB NOT NULL,       -- 64 bytes
    time           INTEGER NOT NULL     -- of insertion
) STRICT;

CREATE TABLE block_index (
    prefix INTEGER NOT NULL, -- of the hash
    block  INTEGER NOT NULL,
    PRIMARY KEY (prefix, block)
) STRICT, WITHOUT ROWID;

-- What was sent and not received. It holds the hash of the send and the amount
-- itself, so that pruning the send takes nothing away. source is where the send
-- stands or stood; the entry is confirmed when that height is.
CREATE TABLE pending (
    destination INTEGER NOT NULL, -- account
    send        BLOB NOT NULL,    -- 32 bytes
    source      INTEGER NOT NULL, -- block
    amount      BLOB NOT NULL,
    PRIMARY KEY (destination, send)
) STRICT, WITHOUT ROWID;

-- How far the chain of an account is confirmed.
CREATE TABLE confirmation_height (
    account INTEGER PRIMARY KEY,
    height  INTEGER NOT NULL
) STRICT;

-- Accounts with a block above their confirmed height: few, and quick to list.
CREATE TABLE unconfirmed (
    prefix  INTEGER NOT NULL, -- of the key
    account INTEGER NOT NULL,
    PRIMARY KEY (prefix, account)
) STRICT, WITHOUT ROWID;

-- In which order this node confirmed blocks, without gaps: 64 blocks in a row,
-- the numbers 64 * chunk + 1 to 64 * chunk + 64. Each is two unsigned varints,
-- account and height. A block that was pruned counts as gone, and becomes a
-- single zero when the row is tidied; a row of nothing else is removed, unless it
-- is the last.
CREATE TABLE confirmations (
    chunk  INTEGER PRIMARY KEY,
    blocks BLOB NOT NULL
) STRICT;

-- What a block inherits whose predecessor was removed: a row for each removed
-- block that a kept one follows. The greatest height of an account is its pruned
-- height; sends that nobody has received yet stay below that.
CREATE TABLE pruned (
    account INTEGER NOT NULL,
    height  INTEGER NOT NULL,
    hash    BLOB NOT NULL, -- 32 bytes
    balance BLOB NOT NULL,
    PRIMARY KEY (account, height)
) STRICT, WITHOUT ROWID;

-- Confirmed balances by whom they are delegated to, and what is on its way by
-- confirmed sends, until the receive is confirmed, by whom the send names; all
-- together the supply. No row for zero.
CREATE TABLE weights (
    representative INTEGER PRIMARY KEY, -- account
    weight         BLOB NOT NULL
) STRICT;

-- The one row: how much there is of everything.
CREATE TABLE counts (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    blocks      INTEGER NOT NULL, -- ever inserted and not rolled back
    cemented    INTEGER NOT NULL, -- the last number of the confirmation sequence
    pruned      INTEGER NOT NULL,
    accounts    INTEGER NOT NULL, -- with a block
    receivables INTEGER NOT NULL,
    synced      INTEGER NOT NULL  -- commits that waited for the disk
) STRICT;

-- This node's final votes on roots that are not confirmed, or for blocks that lost
-- all the same: others may decide without this node. The keys are whole:
-- a root need not be in the ledger.
CREATE TABLE final_votes (
    account  BLOB NOT NULL,
    previous BLOB NOT NULL,
    hash     BLOB NOT NULL,
    PRIMARY KEY (account, previous)
) STRICT, WITHOUT ROWID;

-- Samples of the online weight, the least id the oldest.
CREATE TABLE online_weight (
    id     INTEGER PRIMARY KEY,
    time   INTEGER NOT NULL,
    weight BLOB NOT NULL
) STRICT;

-- Where nodes were seen.
CREATE TABLE peers (
    address   TEXT NOT NULL PRIMARY KEY, -- host:port
    last_seen INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Small named values of whoever needs one.
CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
