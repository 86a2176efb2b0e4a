import { useId, type InputHTMLAttributes, type ReactNode, type TextareaHTMLAttributes } from 'react'

const BOX = 'w-full rounded-2 border border-line-2 bg-bg-1 px-2.5 hover:border-line-3'

/** A labelled text box. The hint stands beside the label. */
export function TextField({ label, hint, className = '', ...rest }: { readonly label: string; readonly hint?: ReactNode } & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId()
  return (
    <div className={className}>
      <label htmlFor={id} className="block pb-1 text-12">
        {label} {hint !== undefined && <span className="text-ink-3">{hint}</span>}
      </label>
      <input id={id} className={`${BOX} h-[30px]`} {...rest} />
    </div>
  )
}

export function TextArea({ label, hint, className = '', ...rest }: { readonly label: string; readonly hint?: ReactNode } & TextareaHTMLAttributes<HTMLTextAreaElement>) {
  const id = useId()
  return (
    <div className={className}>
      <label htmlFor={id} className="block pb-1 text-12">
        {label} {hint !== undefined && <span className="text-ink-3">{hint}</span>}
      </label>
      <textarea id={id} className={`${BOX} py-1.5`} rows={3} {...rest} />
    </div>
  )
}
