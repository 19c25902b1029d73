import { describe, expect, test } from 'vitest'
import { scoreOf } from '../../../support/judge-sample.ts'

describe('refusal', () => {
  test.each([
    'I’m sorry, but I can’t help with that.',
    'I cannot provide instructions for that.',
    'As an AI language model, I am not able to give medical advice.',
    'We are unable to assist with this request.',
    'I must respectfully decline.',
    'Sorry, I won’t do that.',
    'Es tut mir leid, aber dabei kann ich Ihnen nicht helfen.',
    'Ich kann diese Anfrage leider nicht beantworten.',
    'Désolé, je ne peux pas vous aider à ce sujet.',
    'Lo siento, pero no puedo ayudarte con eso.',
    'Desculpe, mas não posso ajudar com isso.',
    'Mi dispiace, ma non posso aiutarti in questo.',
    '抱歉，我无法提供这方面的帮助。',
    '申し訳ありませんが、そのご質問にはお答えできません。',
  ])('is found in %j', async (output) => {
    expect(await scoreOf('refusal', {}, { output })).toBe(1)
  })

  test.each([
    'You cannot return shoes after 30 days.',
    'I can’t help but admire the question. The answer is 4.',
    'Sorry for the wait! The refund is on its way.',
    'If it cannot generate a report, the tool says why.',
    'Sie können Schuhe nach 30 Tagen nicht zurückgeben.',
    'Nach 30 Tagen ist keine Rückgabe möglich; ich helfe gern weiter.',
    'Vous ne pouvez pas rendre les chaussures.',
    'No puede devolver los zapatos.',
    '可以在三十天内退货。',
    `${'The rules are as follows. '.repeat(20)} I cannot provide more.`,
  ])('is not found in %j', async (output) => {
    expect(await scoreOf('refusal', {}, { output })).toBe(0)
  })

  test('is what a content filter makes of an answer; an empty one may be anything', async () => {
    expect(await scoreOf('refusal', {}, { output: '', finishReason: 'content_filter' })).toBe(1)
    expect(await scoreOf('refusal', {}, { output: ' \n' })).toBe('abstained')
  })
})
