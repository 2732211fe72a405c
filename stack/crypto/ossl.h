/* The OpenSSL seam: deterministic randomness and virtual clock for everything OpenSSL does inside a world.
 *
 * One library context of its own, whose only random source draws from the stream that it_ossl_enter names; a draw
 * outside enter/leave aborts. Dates come from the clock functions of the process, which are replaced (clock.h). This is
 * the one documented exception to "no globals". In a simulation the draws are not cryptographically strong. A program
 * on real sockets calls it_ossl_use_system: then each draw is its stream's under a secret of the system's, as strong as
 * that, and still the same for the same state of the stream, which undoing a handshake message needs (stack/dtls). */
#ifndef IT_STACK_CRYPTO_OSSL_H
#define IT_STACK_CRYPTO_OSSL_H

#include "base/err.h"
#include "base/rng.h"
#include "base/time.h"

#include <openssl/types.h>
#include <stdbool.h>

/* Makes the library context; call once before the first world, from one thread. Keeps OpenSSL from reading the
 * machine's openssl.cnf in this process. Returns 0 or IT_ERR_CRYPTO. A second call does nothing. */
int it_ossl_init(void) IT_MUST_CHECK;
/* Makes all draws from here on secret: after it_ossl_init, before anything is made with it; stays until it_ossl_fini.
 * For programs on real sockets, and never in a simulation, which it would make unrepeatable. Returns 0 or IT_ERR_CRYPTO
 * (the system has no randomness to give). */
int it_ossl_use_system(void) IT_MUST_CHECK;
/* Frees it, after everything made from it; for leak checkers. */
void it_ossl_fini(void);

/* The context to pass to OpenSSL's _ex functions. NULL before init. */
OSSL_LIB_CTX *it_ossl_ctx(void);

/* From here to leave, in this thread, OpenSSL draws from |stream| and sees IT_EPOCH_S + |now| (not negative). Not
 * nested; a second enter aborts. Empties OpenSSL's error queue. */
void it_ossl_enter(it_rng *stream, it_time now);
void it_ossl_leave(void);

/* True between enter and leave, in this thread; |*now| is then the virtual time. For the clock (clock.c). */
bool it_ossl_now(it_time *now);

#endif
