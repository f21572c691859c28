-- A film with its director, as of the change's commit time (microseconds). :ids is a JSON array.
SELECT
  f.film_id,
  f.title,
  f.genres,
  (:as_of / 1000000 - unixepoch(f.create_time)) / 86400 AS days,
  COALESCE(d.level, 0) AS level,
  f.create_time
FROM film AS f
LEFT JOIN director AS d ON d.name = f.director
WHERE f.film_id IN (SELECT value FROM json_each(:ids))
