-- The tables of the short-video site that item_features.sql joins, as PostgreSQL keeps them. Embeddings are real[].
CREATE TABLE item_table (
  item_id bigint PRIMARY KEY,
  user_id bigint,
  smart_video_id bigint,
  title text,
  create_time timestamptz NOT NULL DEFAULT now(),
  duration double precision,
  source_type int,
  in_time_or_not int,
  is_prop int,
  grade_score double precision,
  width int,
  height int,
  first_publish_song_or_not int,
  topic_id text
);
CREATE TABLE smart_video_sign (
  svid bigint PRIMARY KEY,
  primary_id int,
  grade_score double precision
);
CREATE TABLE video_name_tag_embedding (
  svid bigint PRIMARY KEY,
  cate_name1 text,
  cate_name2 text,
  video_tags text,
  name_embedding real[],
  tag_embedding real[]
);
CREATE TABLE author_feature (
  author_id bigint PRIMARY KEY,
  author_gender text,
  author_level int,
  author_is_member int,
  author_city text,
  author_type text,
  author_fans_num bigint,
  author_visitor_num bigint,
  author_billboard_num bigint,
  author_av_ct bigint,
  author_sv_ct bigint,
  author_play_ct bigint,
  author_play_avg_ct double precision,
  author_like_ct bigint,
  author_download_ct bigint,
  family_hot_ranking bigint,
  author_diamond_ct bigint,
  author_flower_ct bigint,
  author_sv_type_play_ct_1 text,
  author_sv_type_play_ct_7 text,
  author_sv_type_play_ct_15 text,
  author_play_ct_1 bigint,
  author_play_ct_7 bigint,
  author_play_ct_15 bigint,
  author_like_ct_1 bigint,
  author_like_ct_7 bigint,
  author_like_ct_15 bigint,
  author_comment_ct_1 bigint,
  author_comment_ct_7 bigint,
  author_comment_ct_15 bigint,
  author_share_ct_1 bigint,
  author_share_ct_7 bigint,
  author_share_ct_15 bigint,
  author_tags text,
  author_last_live_time timestamptz
);
-- what the reverse-key queries of coldstart.toml look up
CREATE INDEX ON item_table (user_id);
CREATE INDEX ON item_table (smart_video_id);
