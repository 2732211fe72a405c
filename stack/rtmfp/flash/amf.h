/* AMF0, the values of Flash (RFC 7425 section 5.3.3): read one after the other, without allocating. Numbers are doubles
 * on the wire; here they are whole ones, or their bits. */
#ifndef IT_STACK_RTMFP_FLASH_AMF_H
#define IT_STACK_RTMFP_FLASH_AMF_H

#include "base/bytes.h"

#define IT_RTMFP_AMF_DEPTH 16 /* of objects in objects that are skipped; deeper ones are malformed */

enum it_rtmfp_amf_type {
    IT_RTMFP_AMF_NUMBER = 0x00,
    IT_RTMFP_AMF_BOOLEAN = 0x01,
    IT_RTMFP_AMF_STRING = 0x02,
    IT_RTMFP_AMF_OBJECT = 0x03,
    IT_RTMFP_AMF_NULL = 0x05,
    IT_RTMFP_AMF_UNDEFINED = 0x06,
    IT_RTMFP_AMF_ECMA_ARRAY = 0x08,
    IT_RTMFP_AMF_STRICT_ARRAY = 0x0a,
    IT_RTMFP_AMF_LONG_STRING = 0x0c
};

typedef struct it_rtmfp_amf {
    enum it_rtmfp_amf_type type;
    uint64_t bits;  /* NUMBER: an IEEE 754 double */
    bool truth;     /* BOOLEAN */
    it_bytes text;  /* STRING, LONG_STRING: borrowed */
    uint32_t count; /* STRICT_ARRAY: values that follow */
} it_rtmfp_amf;

/* Reads the next value; of an object or array, what it is made of follows in |r|, and it_rtmfp_amf_skip passes it over.
 * False at the end, and when |r| fails: a value that is cut, or of a type that is not in the list above. */
bool it_rtmfp_amf_get(it_rd *r, it_rtmfp_amf *v);
/* The next key of an object or ECMA array whose head was read; its value follows. False at its end, which is passed,
 * and when |r| fails. */
bool it_rtmfp_amf_key(it_rd *r, it_bytes *key);
/* Passes over what |v| is made of, if it is made of anything. */
void it_rtmfp_amf_skip(it_rd *r, const it_rtmfp_amf *v);
/* Reads the object that is next and gives the text of its key |name|: {NULL, 0} when it has none, is no object, or |r|
 * fails. */
it_bytes it_rtmfp_amf_text_of(it_rd *r, const char *name);

/* The double that is |n|, up to 2^53 in size, and the whole number that |bits| are; false when they are none. */
uint64_t it_rtmfp_amf_bits(int64_t n);
bool it_rtmfp_amf_whole(uint64_t bits, int64_t *n);

/* Append values. A string has 65,535 bytes at most: |b| overflows else. An object is begun, has keys with a value after
 * each, and is ended. */
void it_rtmfp_amf_put_number(it_buf *b, int64_t n);
void it_rtmfp_amf_put_boolean(it_buf *b, bool v);
void it_rtmfp_amf_put_string(it_buf *b, it_bytes s);
void it_rtmfp_amf_put_null(it_buf *b);
void it_rtmfp_amf_put_object(it_buf *b);
void it_rtmfp_amf_put_key(it_buf *b, const char *key);
void it_rtmfp_amf_put_end(it_buf *b);

#endif
