// Hover and arrow keys over the class matrices: the same pair is marked in all of them and read out. Only the connect time of a
// single pair cannot be read without it; that is in results.jsonl.
const T = [...document.querySelectorAll('.mx table')], K = ['EIM', 'ADM', 'APDM'], F = ['EIF', 'ADF', 'APDF'], read = document.getElementById('read')
const cells = T.map(t => [...t.querySelectorAll('tbody td')]), ms = T.map(t => t.dataset.t.split(','))
const cls = i => K[i % 3] + '/' + F[i / 3 | 0], rest = read.innerHTML
const esc = s => s.replace(/[&<>]/g, c => `&#${c.charCodeAt()};`)
let at = -1
function show(i) {
  document.querySelectorAll('.mx .x').forEach(e => e.classList.remove('x'))
  at = i
  if (i < 0) { read.innerHTML = rest; return }
  const r = i / 9 | 0, c = i % 9
  let s = `near <b>${cls(r)}</b>, far <b>${cls(c)}</b>:`
  T.forEach((t, k) => {
    cells[k][i].classList.add('x')
    t.querySelectorAll('tbody th[scope=row]')[r].classList.add('x')
    t.querySelectorAll('thead .v th')[c].classList.add('x')
    const p = cells[k][i].textContent, off = t.dataset.o[i].replace('-', '–')
    s += ` <b>${esc(t.dataset.m)}</b> ${p}${+ms[k][i] > 0 ? ' ' + ms[k][i] + ' ms' : ''}${off != p && off != ' ' ? ' (without inbound sessions ' + off + ')' : ''} ·`
  })
  read.innerHTML = s.slice(0, -2)
}
T.forEach((t, k) => {
  t.tabIndex = 0
  t.addEventListener('mouseover', e => { const i = cells[k].indexOf(e.target.closest('tbody td')); if (i >= 0) show(i) })
  t.addEventListener('mouseleave', () => show(-1))
  t.addEventListener('blur', () => show(-1))
  t.addEventListener('keydown', e => {
    const d = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -9, ArrowDown: 9 }[e.key]
    if (!d) return
    e.preventDefault()
    const to = at < 0 ? 0 : at + d
    if (to >= 0 && to < 81 && (Math.abs(d) == 9 || (to / 9 | 0) == (at / 9 | 0) || at < 0)) show(to)
  })
})
