/* What the files of the profiles share: the key table, and reading a Lua table by it. Not for anybody else.
 *
 * A field says what its key is called, what its value looks like and where in the struct it goes; everything a profile
 * file or an override may say is in these tables (keys.c), and nothing else is. */
#ifndef IT_LAB_PROFILE_IMPL_H
#define IT_LAB_PROFILE_IMPL_H

#include "lab/profile/profile.h"

enum it_key_kind {
    IT_KEY_TABLE,  /* nested: |arg| its keys; offsets count from the same struct */
    IT_KEY_LIMITS, /* nested; empty, it clears |lo| bytes at |off| */
    IT_KEY_ENUM,   /* uint8_t: place in the NULL-terminated list of names |arg|; "false" is the boolean */
    IT_KEY_BOOL,
    IT_KEY_TIME,    /* it_time; |lo| least */
    IT_KEY_RATE,    /* int64_t bit/s */
    IT_KEY_SIZE,    /* int64_t bytes */
    IT_KEY_MTU,     /* uint32_t bytes, written as a size */
    IT_KEY_SHARE,   /* uint32_t ppm */
    IT_KEY_COUNT,   /* uint32_t from |lo| to |hi| */
    IT_KEY_INT,     /* int32_t from |lo| to |hi| */
    IT_KEY_MILLI,   /* uint32_t in thousandths, written whole, from |lo| to |hi| */
    IT_KEY_RANGE,   /* it_nat_range {lo, hi} */
    IT_KEY_RANGES,  /* list of them, and the uint8_t count behind the array */
    IT_KEY_SET,     /* uint8_t: list of names from |arg|, a bit each */
    IT_KEY_PORTS,   /* it_fw_ports: list of ports and "*" */
    IT_KEY_PREFIX,  /* it_prefix */
    IT_KEY_FAMILY,  /* uint8_t: "4" is 0, "64" is 64, "66" is 66 */
    IT_KEY_NAME,    /* char[|hi|], 0: char[IT_NAME_MAX] */
    IT_KEY_SPAN,    /* two it_time: {min, max} */
    IT_KEY_EVENTS,  /* of a link */
    IT_KEY_FWPROTO, /* "any", "block" or nested keys |arg|, of UDP or (|lo| 1) TCP */
    IT_KEY_ADDR,    /* it_addr, written "10.9.9.9:3128" */
    IT_KEY_IP,      /* it_ip */
    IT_KEY_WORD,    /* a string that must be |arg|; sets the bool at |off| */
    IT_KEY_EACH,    /* the |lo|-th key of each of the NULL-terminated list of tables |arg| */
    IT_KEY_SKIP,    /* read by the caller */
    IT_KEY_KINDS
};

typedef struct it_key {
    const char *name; /* NULL ends a table */
    uint8_t kind;
    uint16_t off;
    const void *arg;
    int64_t lo, hi;
} it_key;

extern const it_key it_keys_nat[], it_keys_fw[], it_keys_link[];

/* A table being read. */
typedef struct it_key_ctx {
    struct lua_State *L;
    char *err;               /* IT_PROFILE_ERR */
    char path[128];          /* of the field at hand */
    const char *const *skip; /* NULL-terminated keys of the outermost table that the caller reads; NULL: none */
    bool skip_first;         /* element [1] of the outermost table is the caller's */
    int depth;
} it_key_ctx;

/* Reads the Lua table at absolute |index| into the struct at |base| by |keys|. Unknown keys first (the first in order
 * of name), then the keys in the order of the table. Returns 0, or IT_ERR_PARSE or IT_ERR_RANGE with "path: message" in
 * |c|->err. */
int it_keys_read(it_key_ctx *c, int index, const it_key *keys, void *base);

/* Refuses a key of the table at absolute |index| that is none of |keys|, the first in order of name. Returns 0, or
 * IT_ERR_PARSE with a message. */
int it_keys_refuse(it_key_ctx *c, int index, const it_key *keys);

/* Pushes the value of |name| in the table at absolute |index|, or nothing and returns false. Allocates nothing in the
 * Lua state.
 */
bool it_keys_get(struct lua_State *L, int index, const char *name);

/* Writes "path: message" into |c|->err. Returns IT_ERR_PARSE. */
int it_keys_fail(it_key_ctx *c, const char *fmt, ...) IT_PRINTF(2, 3);

/* Works out what follows from other fields, then looks for faults. |c|->path is that of the profile. */
int it_keys_finish_nat(it_key_ctx *c, it_nat_profile *p);
int it_keys_finish_fw(it_key_ctx *c, it_access_profile *p);
/* |before|: the profile it was made from. */
int it_keys_finish_link(it_key_ctx *c, it_link_profile *p, const it_link_profile *before);

#endif
