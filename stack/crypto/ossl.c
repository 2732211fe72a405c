/* A library context whose only random source is the caller's stream. */
#include "stack/crypto/ossl.h"

#include "stack/crypto/clock.h"
#include "stack/crypto/digest.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NAME "icetank"
#define ALGORITHM "ICETANK-STREAM"
#define PROPERTY "provider=icetank"
#define MAX_REQUEST 65536 /* bytes of one draw; OpenSSL splits longer ones */

/* The documented exception to "no globals": OpenSSL's hooks have no room for a pointer of ours. */
static OSSL_LIB_CTX *lib;
static OSSL_PROVIDER *prov_stream, *prov_default;
static bool system_secret; /* draws are made strong by |secret_key| */
static it_hmac_key secret_key;
static _Thread_local it_rng *cur_stream;
static _Thread_local it_time cur_now;

/* ---- the random source ---- */

typedef struct source {
    int state;
} source;

static void *source_new(void *provctx, void *parent, const OSSL_DISPATCH *parent_calls)
{
    (void)provctx, (void)parent, (void)parent_calls;
    return calloc(1, sizeof(source));
}

static void source_free(void *ctx)
{
    free(ctx);
}

/* Draws nothing: OpenSSL instantiates its generators when they are first used, and who comes first must not matter. */
static int source_instantiate(void *ctx, unsigned strength, int resist, const unsigned char *pers, size_t pers_len,
                              const OSSL_PARAM params[])
{
    (void)strength, (void)resist, (void)pers, (void)pers_len, (void)params;
    ((source *)ctx)->state = EVP_RAND_STATE_READY;
    return 1;
}

static int source_uninstantiate(void *ctx)
{
    ((source *)ctx)->state = EVP_RAND_STATE_UNINITIALISED;
    return 1;
}

/* A pseudorandom function of what the stream has next: who does not know the key learns nothing of one draw from
 * others, and one state of the stream always gives the same. */
static void draw_strong(uint8_t *out, size_t n)
{
    uint8_t in[IT_SHA256_SIZE], block[IT_SHA256_SIZE];
    while (n) {
        size_t k = n < sizeof block ? n : sizeof block;
        it_rng_bytes(cur_stream, in, sizeof in);
        it_hmac_sha256(&secret_key, block, it_bytes_of(in, sizeof in), it_bytes_of(NULL, 0));
        memcpy(out, block, k);
        out += k;
        n -= k;
    }
    OPENSSL_cleanse(block, sizeof block);
}

static int source_generate(void *ctx, unsigned char *out, size_t n, unsigned strength, int resist,
                           const unsigned char *extra, size_t extra_len)
{
    (void)ctx, (void)strength, (void)resist, (void)extra, (void)extra_len;
    IT_ASSERT(cur_stream != NULL); /* a draw outside enter and leave */
    if (system_secret)
        draw_strong(out, n);
    else
        it_rng_bytes(cur_stream, out, n);
    return 1;
}

static int source_reseed(void *ctx, int resist, const unsigned char *entropy, size_t entropy_len,
                         const unsigned char *extra, size_t extra_len)
{
    (void)ctx, (void)resist, (void)entropy, (void)entropy_len, (void)extra, (void)extra_len;
    return 1;
}

static int source_lock(void *ctx)
{
    (void)ctx;
    return 1;
}

static void source_unlock(void *ctx)
{
    (void)ctx;
}

static const OSSL_PARAM *source_gettable(void *ctx, void *provctx)
{
    static const OSSL_PARAM list[] = {OSSL_PARAM_int(OSSL_RAND_PARAM_STATE, NULL),
                                      OSSL_PARAM_uint(OSSL_RAND_PARAM_STRENGTH, NULL),
                                      OSSL_PARAM_size_t(OSSL_RAND_PARAM_MAX_REQUEST, NULL), OSSL_PARAM_END};

    (void)ctx, (void)provctx;
    return list;
}

static int source_get(void *ctx, OSSL_PARAM params[])
{
    OSSL_PARAM *state = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STATE);
    OSSL_PARAM *strength = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STRENGTH);
    OSSL_PARAM *max = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_MAX_REQUEST);

    return (!state || OSSL_PARAM_set_int(state, ((source *)ctx)->state)) &&
           (!strength || OSSL_PARAM_set_uint(strength, 256)) && (!max || OSSL_PARAM_set_size_t(max, MAX_REQUEST));
}

#define CALL(f) ((void (*)(void))(f))

static const OSSL_DISPATCH source_calls[] = {{OSSL_FUNC_RAND_NEWCTX, CALL(source_new)},
                                             {OSSL_FUNC_RAND_FREECTX, CALL(source_free)},
                                             {OSSL_FUNC_RAND_INSTANTIATE, CALL(source_instantiate)},
                                             {OSSL_FUNC_RAND_UNINSTANTIATE, CALL(source_uninstantiate)},
                                             {OSSL_FUNC_RAND_GENERATE, CALL(source_generate)},
                                             {OSSL_FUNC_RAND_RESEED, CALL(source_reseed)},
                                             {OSSL_FUNC_RAND_ENABLE_LOCKING, CALL(source_lock)},
                                             {OSSL_FUNC_RAND_LOCK, CALL(source_lock)},
                                             {OSSL_FUNC_RAND_UNLOCK, CALL(source_unlock)},
                                             {OSSL_FUNC_RAND_GETTABLE_CTX_PARAMS, CALL(source_gettable)},
                                             {OSSL_FUNC_RAND_GET_CTX_PARAMS, CALL(source_get)},
                                             {0, NULL}};

static const OSSL_ALGORITHM algorithms[] = {{ALGORITHM, PROPERTY, source_calls, "the stream of whoever entered"},
                                            {NULL, NULL, NULL, NULL}};

static const OSSL_ALGORITHM *provider_query(void *provctx, int operation, int *no_cache)
{
    (void)provctx;
    *no_cache = 0;
    return operation == OSSL_OP_RAND ? algorithms : NULL;
}

static int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
                         void **provctx)
{
    static const OSSL_DISPATCH calls[] = {{OSSL_FUNC_PROVIDER_QUERY_OPERATION, CALL(provider_query)}, {0, NULL}};
    static char nothing; /* OpenSSL wants a provider context that is not NULL */

    (void)handle, (void)in;
    *out = calls;
    *provctx = &nothing;
    return 1;
}

/* ---- the library context ---- */

static bool load(void)
{
    lib = OSSL_LIB_CTX_new();
    if (!lib || !OSSL_PROVIDER_add_builtin(lib, NAME, provider_init))
        return false;
    prov_stream = OSSL_PROVIDER_load(lib, NAME);
    prov_default = OSSL_PROVIDER_load(lib, "default");
    return prov_stream && prov_default && RAND_set_DRBG_type(lib, ALGORITHM, PROPERTY, NULL, NULL) &&
           RAND_set_seed_source_type(lib, ALGORITHM, PROPERTY);
}

/* Both generators are created by a first draw; it comes from a constant stream, so that no peer pays for it. */
static bool warm_up(void)
{
    uint8_t b[8];
    it_rng r;

    it_rng_init(&r, 0, "ossl/warm-up");
    it_ossl_enter(&r, 0);
    bool ok = RAND_bytes_ex(lib, b, sizeof(b), 0) == 1 && RAND_priv_bytes_ex(lib, b, sizeof(b), 0) == 1;
    it_ossl_leave();
    return ok;
}

int it_ossl_init(void)
{
    if (lib)
        return 0;
    IT_ASSERT(it_clock_is_ours); /* and the program does not link without it */
    /* The machine's openssl.cnf must not enter: its system defaults would reach every SSL_CTX. */
    if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) == 1 && load() && warm_up())
        return 0;
    it_ossl_fini();
    return IT_ERR_CRYPTO;
}

int it_ossl_use_system(void)
{
    uint8_t key[IT_SHA256_SIZE];
    IT_ASSERT(lib != NULL && cur_stream == NULL);
    if (RAND_priv_bytes(key, sizeof key) != 1) /* the default context's, which the system seeds */
        return IT_ERR_CRYPTO;
    it_hmac_key_init(&secret_key, it_bytes_of(key, sizeof key));
    OPENSSL_cleanse(key, sizeof key);
    system_secret = true;
    return 0;
}

void it_ossl_fini(void)
{
    if (prov_default)
        OSSL_PROVIDER_unload(prov_default);
    if (prov_stream)
        OSSL_PROVIDER_unload(prov_stream);
    OSSL_LIB_CTX_free(lib);
    prov_default = prov_stream = NULL;
    lib = NULL;
    OPENSSL_cleanse(&secret_key, sizeof secret_key);
    system_secret = false;
    ERR_clear_error();
}

OSSL_LIB_CTX *it_ossl_ctx(void)
{
    return lib;
}

void it_ossl_enter(it_rng *stream, it_time now)
{
    IT_ASSERT(lib != NULL && cur_stream == NULL && stream != NULL && now >= 0);
    cur_stream = stream;
    cur_now = now;
    ERR_clear_error();
}

void it_ossl_leave(void)
{
    IT_ASSERT(cur_stream != NULL);
    cur_stream = NULL;
}

bool it_ossl_now(it_time *now)
{
    if (!cur_stream)
        return false;
    *now = cur_now;
    return true;
}
