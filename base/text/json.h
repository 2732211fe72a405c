/* A streaming JSON writer: objects and arrays are opened and closed, commas and escapes are its work. Reading is
 * jansson's.
 *
 * Output is compact (no spaces), ASCII plus UTF-8 as given; invalid UTF-8 becomes U+FFFD. Numbers are integers. */
#ifndef IT_BASE_TEXT_JSON_H
#define IT_BASE_TEXT_JSON_H

#include "base/text/str.h"

#define IT_JSON_DEPTH 24

typedef struct it_json {
    it_str *out; /* the owner's; oom shows there */
    int depth;
    uint8_t count[IT_JSON_DEPTH]; /* 0: nothing written at this depth yet */
} it_json;

/* Starts writing at the end of |out|. */
void it_json_init(it_json *j, it_str *out);
/* Inside an object, |key| names the member; inside an array and at the top |key| is NULL. */
void it_json_obj(it_json *j, const char *key);
void it_json_end_obj(it_json *j);
void it_json_arr(it_json *j, const char *key);
void it_json_end_arr(it_json *j);
/* |v| NULL writes null. */
void it_json_str(it_json *j, const char *key, const char *v);
void it_json_strn(it_json *j, const char *key, const char *v, size_t n);
void it_json_int(it_json *j, const char *key, int64_t v);
void it_json_bool(it_json *j, const char *key, bool v);
void it_json_null(it_json *j, const char *key);
/* |v| as a string of 16 hexadecimal digits: 64-bit fingerprints do not survive as JSON numbers. */
void it_json_hex64(it_json *j, const char *key, uint64_t v);
/* |v| is JSON already and is copied as it is. */
void it_json_raw(it_json *j, const char *key, const char *v);
/* Ends the line: every line of a .jsonl file is one top-level value. */
void it_json_newline(it_json *j);

#endif
