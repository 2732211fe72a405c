/* What the channels made of DTLS share; nobody else includes this. */
#ifndef IT_STACK_MODEL_CHANNEL_IMPL_H
#define IT_STACK_MODEL_CHANNEL_IMPL_H

#include "stack/model/channel.h"

/* A DTLS object as |cfg| says, with |media| unless NULL; NULL without memory, or when OpenSSL refuses. */
it_dtls *it_channel_dtls_make(const it_channel_dtls_cfg *cfg, const it_dtls_media *media, it_time now);
/* What an event of DTLS is to the owner of a channel. */
void it_channel_dtls_event(const it_dtls_event *d, it_channel_event *ev);

#endif
