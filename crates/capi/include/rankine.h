/* Rankine for C: extraction and scoring in the caller's process, the same code and bits as `rankine extract` and the server.
 *
 * Link with librankine_c.so (cargo build --release -p rankine-capi). Example: crates/capi/examples/extract.c.
 *
 * Every function that can fail returns a rankine_status; rankine_error() then says why, with file, line or field. No function
 * ends the process, whatever it is given; a NULL where a pointer is needed is RANKINE_INVALID. Texts are UTF-8 with their
 * length in bytes, not terminated by NUL unless said. A rankine_plan and a rankine_model may be used by several threads at
 * once, a rankine_extractor by one at a time.
 */
#ifndef RANKINE_H
#define RANKINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this interface. Functions are only added while it stays the same. */
#define RANKINE_ABI 1

typedef enum rankine_status {
  RANKINE_OK = 0,
  RANKINE_INVALID = 1, /* a NULL pointer, or text that is not UTF-8 */
  RANKINE_CONF = 2,    /* the conf, its statistics, or the artefact has faults */
  RANKINE_ROW = 3,     /* the row does not fit the schema */
  RANKINE_STATE = 4,   /* called before there is a row, or without a model */
  RANKINE_PANIC = 5    /* a fault in Rankine; the object it happened in must be freed and not used on */
} rankine_status;

typedef struct rankine_plan rankine_plan;           /* a compiled conf */
typedef struct rankine_model rankine_model;         /* an opened artefact */
typedef struct rankine_extractor rankine_extractor; /* a plan with working memory */

/* RANKINE_ABI of the library that is loaded. */
uint32_t rankine_abi(void);

/* Why the last call of this thread failed, terminated by NUL; empty if none has. Valid until the thread's next call. */
const char *rankine_error(void);

/* Compiles a conf (TOML). `fit` is the text of its fit.json, or NULL where it needs none. Free with rankine_plan_free.
 * A conf that reads dictionaries, its own or a model's, is refused with RANKINE_CONF: this library loads none. */
rankine_status rankine_plan_compile(const char *conf, size_t conf_length, const char *fit, size_t fit_length,
                                    rankine_plan **plan);
void rankine_plan_free(rankine_plan *plan);

/* The conf hash: 32 hex digits and a NUL. */
rankine_status rankine_plan_hash(const rankine_plan *plan, char hash[33]);

/* How many fields a line has, and the name of one of them (from 0, in the order of a line), terminated by NUL and valid as
 * long as the plan. */
size_t rankine_plan_fields(const rankine_plan *plan);
const char *rankine_plan_field(const rankine_plan *plan, size_t index);

/* Opens an artefact folder (<models>/<name>/<version>), verified. Free with rankine_model_free. */
rankine_status rankine_model_open(const char *folder, size_t folder_length, rankine_model **model);
void rankine_model_free(rankine_model *model);

/* The model's conf. Free with rankine_plan_free; it may outlive the model. */
rankine_status rankine_model_plan(const rankine_model *model, rankine_plan **plan);

/* An extractor of a plan, or of a model's conf; only the latter can score. Free with rankine_extractor_free. It may outlive
 * what it was made of. */
rankine_status rankine_extractor_new(const rankine_plan *plan, rankine_extractor **extractor);
rankine_status rankine_extractor_of_model(const rankine_model *model, rankine_extractor **extractor);
void rankine_extractor_free(rankine_extractor *extractor);

/* Extracts one row: a tab-separated line of all fields in the text form (\N missing; no line end), or a JSON object of fields
 * by name. `bytes` and `length` tell where the canonical bytes of all slots lie: per slot, ascending by number, slot u32, kind
 * u8 (0 signs, 1 floats), count u32, then u64 sign and f32 weight each, or f32 each; little-endian. They are valid until the
 * next call with this extractor. Either may be NULL. */
rankine_status rankine_extract_line(rankine_extractor *extractor, const char *line, size_t line_length,
                                    const uint8_t **bytes, size_t *length);
rankine_status rankine_extract_json(rankine_extractor *extractor, const char *object, size_t object_length,
                                    const uint8_t **bytes, size_t *length);

/* The score of the row extracted last. */
rankine_status rankine_score(rankine_extractor *extractor, float *score);

#ifdef __cplusplus
}
#endif

#endif
