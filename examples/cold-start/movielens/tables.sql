-- Films as they land from the file of changes, in the embedded SQLite.
CREATE TABLE IF NOT EXISTS film (film_id PRIMARY KEY, title, genres, create_time) WITHOUT ROWID;
