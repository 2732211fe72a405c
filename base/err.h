/* Errors of this program and its callers, one table with a name and a sentence each.
 *
 * Functions return 0 or a positive count on success and a negative `enum it_err` otherwise. What a *peer* does wrong is
 * never an error code: it is an event with an RFC section. A broken promise between our own functions is IT_ASSERT,
 * always on. */
#ifndef IT_BASE_ERR_H
#define IT_BASE_ERR_H

#include <stddef.h>

enum it_err {
    IT_OK = 0,
    IT_ERR_NOMEM = -1,        /* an allocation failed */
    IT_ERR_FULL = -2,         /* a fixed buffer, table or queue has no room */
    IT_ERR_PARSE = -3,        /* bytes or text do not have the shape they claim */
    IT_ERR_AUTH = -4,         /* an integrity check failed */
    IT_ERR_NOTFOUND = -5,     /* no such name, key or entry */
    IT_ERR_EXISTS = -6,       /* the name or key is taken */
    IT_ERR_RANGE = -7,        /* a value outside its documented range */
    IT_ERR_STATE = -8,        /* the call does not fit the object's state */
    IT_ERR_NOROUTE = -9,      /* no route, interface or source address for a destination */
    IT_ERR_TOOBIG = -10,      /* larger than the path or transport takes */
    IT_ERR_IO = -11,          /* the operating system refused a read or write; errno tells more */
    IT_ERR_PERM = -12,        /* not permitted (model E before a successful check) */
    IT_ERR_RATE = -13,        /* beyond a rate limit */
    IT_ERR_CRYPTO = -14,      /* the crypto library refused */
    IT_ERR_LOOP = -15,        /* 1,000 rounds without time moving */
    IT_ERR_UNSUPPORTED = -16, /* not built into this version */
    IT_ERR_LIMIT = -17,       /* a resource limit of a scenario or box was reached */
    IT_ERR_REPLAY = -18,      /* a packet that was taken, or sent, before */
    IT_ERR_OLD = -19          /* a packet older than a replay window */
};

#define IT_MUST_CHECK __attribute__((warn_unused_result))
#define IT_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Names |err| as in the enum ("IT_ERR_NOMEM"); "IT_ERR_?" for a number that is none. Static storage. */
const char *it_err_name(int err);

/* A sentence for |err|, lower case, without a full stop. Static storage. */
const char *it_err_str(int err);

/* Prints what failed and aborts. Never returns; IT_ASSERT calls it. */
_Noreturn void it_assert_fail(const char *expr, const char *file, int line);

#define IT_ASSERT(expr) ((expr) ? (void)0 : it_assert_fail(#expr, __FILE__, __LINE__))

#endif
