// Copy buttons beside commands. The page says everything without them.
for (const c of document.querySelectorAll('.cmd code')) {
  const b = document.createElement('button')
  b.type = 'button'; b.className = 'cp'; b.textContent = 'copy'
  b.setAttribute('aria-label', 'copy: ' + c.textContent)
  b.onclick = () => navigator.clipboard.writeText(c.textContent).then(() => {
    b.textContent = 'copied'; setTimeout(() => b.textContent = 'copy', 1200)
  }, () => getSelection().selectAllChildren(c))
  c.after(b)
}
